"""The product's addresses and the naive one."""

from django.urls import path

from benchmarks.naive.views import NaiveAlertsView, NaiveIngestView
from incident_center.urls import urlpatterns as product

urlpatterns = [
    *product,
    path("naive/ingest", NaiveIngestView.as_view()),
    path("naive/alerts", NaiveAlertsView.as_view()),
]

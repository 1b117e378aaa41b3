"""Every address of the product. Apps bring their own; this page only says where they stand."""

from __future__ import annotations

from django.urls import path

from incident_center.kernel.health import healthz, readyz
from incident_center.kernel.metrics import metrics

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
]

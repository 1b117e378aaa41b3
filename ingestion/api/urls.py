"""Addresses under ``/v1/``."""

from __future__ import annotations

from django.urls import path

from ingestion.api import otlp, patterns, views

urlpatterns = [
    path("ingest", views.IngestView.as_view(), name="ingest"),
    path("otlp/v1/logs", otlp.OtlpLogsView.as_view(), name="otlp-logs"),
    path("logs", views.LogListView.as_view(), name="logs"),
    path("logs/histogram", views.LogHistogramView.as_view(), name="log-histogram"),
    path("log-patterns", patterns.LogPatternListView.as_view(), name="log-patterns"),
    path("dead-letters", views.DeadLetterListView.as_view(), name="dead-letters"),
    path("dead-letters/<uuid:dead_letter_id>", views.DeadLetterView.as_view(), name="dead-letter"),
    path(
        "dead-letters/<uuid:dead_letter_id>/replay",
        views.DeadLetterReplayView.as_view(),
        name="dead-letter-replay",
    ),
]

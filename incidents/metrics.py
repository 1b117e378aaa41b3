"""The response's figures for Prometheus. No label names an organization."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

incidents_opened = Counter("incidents_opened_total", "Incidents opened.", ["source", "severity"])
time_to_resolve = Histogram(
    "incident_mttr_hours",
    "Hours from opening to resolution; the mean is sum divided by count.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 24, 72, 168, 720),
)

"""The response's figures for Prometheus. No label names an organization."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

incidents_opened = Counter("incidents_opened_total", "Incidents opened.", ["source", "severity"])
time_to_resolve = Histogram(
    "incident_mttr_hours",
    "Hours from opening to resolution; the mean is sum divided by count.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 24, 72, 168, 720),
)
# Over the last 30 days, of all organizations together, as docs/analytics.md defines them; set each minute by a worker.
time_to_acknowledge_recent = Gauge(
    "incident_time_to_acknowledge_seconds",
    "From opening to acknowledgement, of the incidents acknowledged in the last 30 days.",
    ["statistic"],
    multiprocess_mode="mostrecent",
)
time_to_resolve_recent = Gauge(
    "incident_time_to_resolve_seconds",
    "From opening to resolution, of the incidents resolved in the last 30 days.",
    ["statistic"],
    multiprocess_mode="mostrecent",
)
sla_attainment_recent = Gauge(
    "incident_sla_attainment_ratio",
    "SLA targets met, of those decided in the last 30 days.",
    ["kind"],
    multiprocess_mode="mostrecent",
)

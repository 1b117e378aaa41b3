"""The intake's figures for Prometheus. Never a label that names an organization or a service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

logs_ingested = Counter("logs_ingested_total", "Logs stored durably.")
logs_duplicate = Counter("logs_duplicate_total", "Logs received again and skipped.")
dead_letters = Counter("dead_letters_total", "Entries and bodies that could not be stored as logs.", ["kind"])
refused = Counter("ingestion_refused_total", "Intake requests answered without storing anything.", ["status"])
latency = Histogram(
    "ingestion_latency_ms",
    "Milliseconds from the body being read to the logs being durable.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000),
)
queue_rows = Gauge(
    "ingestion_queue_rows",
    "Logs of small requests that wait for the next commit.",
    multiprocess_mode="livesum",
)

"""Figures of the outbox for ``/metrics``. No label names an organization."""

from __future__ import annotations

from prometheus_client import Counter

attempts = Counter(
    "notification_attempts_total", "Attempts to deliver a message, by kind of channel and outcome", ["kind", "outcome"]
)

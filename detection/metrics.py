"""Figures of alerts for ``/metrics``."""

from prometheus_client import Counter

alerts_received = Counter("alerts_received_total", "Messages about alerts that were stored, repetitions included.")

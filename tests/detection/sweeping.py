"""What the sweeps of heartbeats, alerts and silences do at this moment, on this thread and in this transaction."""

from __future__ import annotations

from django.utils import timezone

from detection import alert_sweep, silence_sweep
from detection.selectors import groups_with_expired_alerts, heartbeats_due
from detection.silences.selectors import silences_due


def sweep_heartbeats() -> None:
    for found in heartbeats_due():
        alert_sweep.miss(*found)


def sweep_expired_alerts() -> None:
    for found in groups_with_expired_alerts():
        alert_sweep.expire(*found)


def sweep_silences() -> None:
    for found in silences_due(timezone.now()):
        silence_sweep.carry_out(*found)

"""Figures as tiles: a value in words, and how it compares with the time before."""

from __future__ import annotations

from incident_center.kernel.templatetags.presentation import NOT_KNOWN, long_duration, short_duration
from incidents.analytics.figures import Durations

HOUR = 3_600


def duration_tile(label: str, now: Durations, then: Durations, *, days: int) -> dict[str, str]:
    """A mean, and by how much it is faster or slower than that of as many days before."""
    shown = {"label": label, "value": NOT_KNOWN, "trend": "", "trend_good": "", "hint": "mean"}
    if now.mean_seconds is None:
        return shown | {"hint": "no incident in this time"}
    shown["value"] = duration_words(now.mean_seconds)
    if then.mean_seconds is None:
        return shown
    difference = now.mean_seconds - then.mean_seconds
    faster = difference < 0
    words = f"{short_duration(abs(difference))} {'faster' if faster else 'slower'} than the {days} d before"
    return shown | {"trend": words, "trend_good": "true" if faster else "false"}


def duration_words(seconds: float | None) -> str:
    if seconds is None:
        return NOT_KNOWN
    return long_duration(seconds) if seconds >= HOUR else short_duration(seconds)

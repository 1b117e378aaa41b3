"""What a message changes about an alert, given what was known of it. Mathematics; no Django in here.

Senders repeat, restart, and deliver out of order. Where the protocol carries times, they tell an old message from a
new one; where it does not, the order of arrival counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ingestion.parsers.alerts.signal import Signal, Step

#: For so long after its end a firing alert with the same start counts as a message that was overtaken on its way.
#: Later it is believed: a sender that lost sight of the alert for a while sends the old start again, and repeats it.
OVERTAKEN = timedelta(minutes=5)


class Effect(StrEnum):
    FIRED = "fired"
    FIRED_AGAIN = "fired_again"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    STALE = "stale"
    """An older message than one that is known; nothing changes."""
    NOTHING_OPEN = "nothing_open"
    """There is nothing to acknowledge or resolve."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of the alert before."""

    is_live: bool
    starts_at: datetime | None = None
    resolved_at: datetime | None = None
    """By our clock."""


def effect_of(known: Known | None, signal: Signal, now: datetime) -> Effect:
    """What the signal does."""
    if signal.step is Step.TRIGGER:
        return _triggered(known, signal, now)
    if known is None or not known.is_live:
        return Effect.NOTHING_OPEN
    if signal.step is Step.ACKNOWLEDGE:
        return Effect.ACKNOWLEDGED
    return Effect.STALE if _ended_before(known, signal) else Effect.RESOLVED


def _triggered(known: Known | None, signal: Signal, now: datetime) -> Effect:
    if known is None:
        return Effect.FIRED
    is_newer = None
    if signal.starts_at is not None and known.starts_at is not None:
        is_newer = signal.starts_at > known.starts_at
    if known.is_live:
        return Effect.FIRED_AGAIN if is_newer else Effect.REPEATED
    is_recent = known.resolved_at is not None and now - known.resolved_at < OVERTAKEN
    return Effect.STALE if is_newer is False and is_recent else Effect.FIRED_AGAIN


def _ended_before(known: Known, signal: Signal) -> bool:
    """Whether what the signal declares over is an earlier firing than the one that is known."""
    if signal.starts_at is None or known.starts_at is None or signal.starts_at >= known.starts_at:
        return False
    return signal.ends_at is None or signal.ends_at <= known.starts_at

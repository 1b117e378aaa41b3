"""A beat that did not come, or that reports a failure, in the words of an alert."""

from __future__ import annotations

from datetime import datetime, timedelta

from detection.alerts.mapping import Reading
from detection.alerts.messages import Message
from detection.models import Heartbeat
from incidents.lifecycle import Severity
from ingestion.parsers.alerts.signal import LONGEST_TEXT, Signal, Step, text_of

SOURCE = "heartbeat"


def late(heartbeat: Heartbeat, since: datetime | None) -> Message:
    """``since`` tells a silence that goes on from a new one."""
    last = f"The last beat came at {_clock(heartbeat.last_beat_at)}. " if heartbeat.last_beat_at else ""
    every, grace = span(heartbeat.period_seconds), span(heartbeat.grace_seconds)
    said = f"{last}One is expected every {every}, {grace} late at most."
    return _missed(heartbeat, f"{heartbeat.name} is silent", said, since)


def failed(heartbeat: Heartbeat, said: str) -> Message:
    return _missed(heartbeat, f"{heartbeat.name} reports a failure", text_of(said, LONGEST_TEXT))


def recovered(heartbeat: Heartbeat) -> Message:
    return Message(Signal(SOURCE, str(heartbeat.pk), str(heartbeat.pk), Step.RESOLVE), _key(heartbeat))


def _missed(heartbeat: Heartbeat, title: str, description: str, since: datetime | None = None) -> Message:
    service = heartbeat.service
    signal = Signal(
        SOURCE,
        str(heartbeat.pk),
        str(heartbeat.pk),
        Step.TRIGGER,
        title=title,
        description=description,
        labels={"heartbeat": heartbeat.name},
        severity=heartbeat.severity,
        starts_at=since,
    )
    reading = Reading(Severity(heartbeat.severity), "", "", "")
    reason = f"The heartbeat “{heartbeat.name}” says so."
    return Message(signal, _key(heartbeat), reading, service, reason)


def _key(heartbeat: Heartbeat) -> str:
    return f"alert:{SOURCE}:{heartbeat.pk}"


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: int) -> str:
    """``90 s``, ``5 min``, ``2 h``, ``1 day, 0:30:00``: the largest unit that says it exactly."""
    for unit, length in (("h", 3_600), ("min", 60)):
        if seconds % length == 0 and seconds < 24 * 3_600:
            return f"{seconds // length} {unit}"
    return f"{seconds} s" if seconds < 3_600 else str(timedelta(seconds=seconds))

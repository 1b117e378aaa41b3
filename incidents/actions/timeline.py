"""Writing the timeline: the last step of every action, under the incident's lock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.events import IncidentChanged, incident_changed
from incidents.models import EventKind, Incident, TimelineEvent

#: After these, people know of the incident again, whoever or whatever wrote them.
TELLING = frozenset({EventKind.OPENED, EventKind.RECURRED})


def append_event(
    *,
    incident: Incident,
    kind: EventKind,
    actor: Actor,
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> TimelineEvent:
    """Appends to the timeline of a locked incident, saves what the action changed on it, and tells the
    upper apps.

    The incident's lock makes the sequence gapless; the next number is the incident's own count of events.
    """
    now = at or timezone.now()
    incident.event_count += 1
    if actor.kind == "user" or kind in TELLING:
        incident.touched_at = now
    incident.save()
    return _write(incident, kind, actor, data or {}, now)


def begin_timeline(*, incident: Incident, actor: Actor, data: dict[str, Any]) -> TimelineEvent:
    """The first event of an incident that was inserted a moment ago, with one event: there is nothing to save."""
    return _write(incident, EventKind.OPENED, actor, data, incident.opened_at)


def _write(incident: Incident, kind: EventKind, actor: Actor, data: dict[str, Any], at: datetime) -> TimelineEvent:
    event = TimelineEvent.objects.create(
        incident=incident, sequence=incident.event_count, kind=kind, actor=str(actor), at=at, data=data
    )
    incident_changed.emit(IncidentChanged(incident=incident, event=event, actor=actor))
    return event

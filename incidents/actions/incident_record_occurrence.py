from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident


def record_occurrence(*, incident: Incident, at: datetime | None = None) -> None:
    """Counts one more occurrence on a locked incident. Nobody is told: see ``incident_tell_again``."""
    at = at or timezone.now()
    incident.occurrence_count += 1
    incident.last_occurrence_at = max(incident.last_occurrence_at, at)
    incident.save()


def incident_record_occurrence(
    *,
    incident_id: UUID,
    actor: Actor,
    at: datetime | None = None,
    tell: bool = False,
    data: dict[str, Any] | None = None,
) -> Incident:
    """The problem of an open incident showed itself again.

    Args:
        at: when, in event time; now when not given.
        tell: also writes ``recurred`` on the timeline, upon which people are told again.
        data: what was seen, for that event.

    Raises:
        NotFound: no such incident.
        Conflict: it was withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        record_occurrence(incident=incident, at=at)
        if tell:
            append_event(
                incident=incident,
                kind=EventKind.RECURRED,
                actor=actor,
                data={"occurrences": incident.occurrence_count, **(data or {})},
            )
    return incident


def incident_tell_again(*, incident_id: UUID, actor: Actor, data: dict[str, Any] | None = None) -> Incident:
    """Writes ``recurred`` for an occurrence that was counted before, when nobody needed to be told yet.

    Raises:
        NotFound: no such incident.
        Conflict: it was withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        append_event(
            incident=incident,
            kind=EventKind.RECURRED,
            actor=actor,
            data={"occurrences": incident.occurrence_count, **(data or {})},
        )
    return incident

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.models import EventKind, TimelineEvent

LONGEST_NOTE = 20_000


def incident_note(*, incident_id: UUID, actor: Actor, body: str) -> TimelineEvent:
    """Writes an investigation note (Markdown) on the timeline, where it stays as it is.

    Raises:
        NotFound: no such incident.
        InvalidInput: empty, or over 20,000 characters.
        Conflict: the incident was withdrawn or merged.
    """
    body = body.strip()
    if not body:
        raise InvalidInput("body", "Write something first.")
    if len(body) > LONGEST_NOTE:
        raise InvalidInput("body", f"At most {LONGEST_NOTE:,} characters.")
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        incident.note_count += 1
        return append_event(incident=incident, kind=EventKind.NOTE, actor=actor, data={"body": body})

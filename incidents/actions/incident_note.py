from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.incident_follow import add_followers
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.mentions import mentioned
from incidents.models import EventKind, TimelineEvent

LONGEST_NOTE = 20_000


def incident_note(*, incident_id: UUID, actor: Actor, body: str) -> TimelineEvent:
    """Writes an investigation note (Markdown) on the timeline, where it stays as it is.

    Whoever it mentions follows the incident from then on, and so is told of the note.

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
        data: dict[str, Any] = {"body": body}
        if people := mentioned(body):
            data["mentions"] = [str(member.user_id) for member in people]
            add_followers(incident, [member.user_id for member in people])
        return append_event(incident=incident, kind=EventKind.NOTE, actor=actor, data=data)

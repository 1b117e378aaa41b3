from __future__ import annotations

from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.people import responder
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident


def incident_assign(*, incident_id: UUID, actor: Actor, assignee_id: UUID | None) -> Incident:
    """Gives the incident to a person, or to nobody. Giving it to who has it is no event.

    Raises:
        NotFound: no such incident.
        InvalidInput: no such member, or one whose role does not work on incidents.
        Conflict: the incident was withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        before = incident.assignee_id
        incident.assignee = responder(assignee_id) if assignee_id else None
        if incident.assignee_id == before:
            return incident
        data = {"from": str(before) if before else None, "to": str(assignee_id) if assignee_id else None}
        append_event(incident=incident, kind=EventKind.ASSIGNED, actor=actor, data=data)
    return incident

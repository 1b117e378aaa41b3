from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import name_acknowledger
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.people import responder
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import EventKind, Incident


def incident_take_over(*, incident_id: UUID, actor: Actor) -> Incident:
    """“I have it now”, whoever had it: the person becomes its assignee and its acknowledger, and nobody else is told
    any more. Whose it was before reads so on the timeline. Taking what one has is no event.

    Raises:
        NotFound: no such incident.
        InvalidInput: the actor is no person who works on incidents.
        Conflict: it is resolved, withdrawn or merged.
    """
    if actor.user_id is None:
        raise InvalidInput("assignee", "Only a person can take an incident over.")
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        if incident.status == Status.RESOLVED:
            raise Conflict(
                f"{incident.reference} is resolved; reopen it if the problem is back.",
                allowed=incident.allowed_statuses,
            )
        person = responder(actor.user_id)
        now = timezone.now()
        if incident.acknowledged_by_id != person.pk or incident.acknowledged_at is None:
            before = incident.status
            data = {"from": before, "to": Status.INVESTIGATING if before == Status.OPEN else before}
            if incident.acknowledged_by_id is not None:
                data["taken_over_from"] = str(incident.acknowledged_by_id)
            name_acknowledger(incident, actor, now)
            incident.status = data["to"]
            append_event(incident=incident, kind=EventKind.ACKNOWLEDGED, actor=actor, data=data, at=now)
        if incident.assignee_id != person.pk:
            given = {"from": str(incident.assignee_id) if incident.assignee_id else None, "to": str(person.pk)}
            incident.assignee = person
            append_event(incident=incident, kind=EventKind.ASSIGNED, actor=actor, data=given, at=now)
    return incident

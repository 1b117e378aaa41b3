from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import EventKind, Incident


def incident_acknowledge(*, incident_id: UUID, actor: Actor) -> Incident:
    """Someone has it: an open incident becomes investigating, and the acknowledger is named.

    An incident whose acknowledgement lapsed (a timeout, a reopening) is acknowledged again without a change
    of status. Who acknowledged it already may do so again: nothing happens. For anyone else the first one
    stays: two people who press the button at the same moment must not both believe that the other is out of
    it. Taking over is assigning.

    Raises:
        NotFound: no such incident.
        Conflict: someone else has acknowledged it, or it is resolved, withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        if incident.status == Status.RESOLVED:
            raise Conflict(
                f"{incident.reference} is resolved; reopen it if the problem is back.",
                allowed=incident.allowed_statuses,
            )
        if incident.acknowledged_at is not None:
            if incident.acknowledged_by_id is not None and incident.acknowledged_by_id == actor.user_id:
                return incident
            by = incident.acknowledged_by or "the system"
            raise Conflict(
                f"{by} acknowledged {incident.reference} already; assign it to yourself to take it over.",
                allowed=incident.allowed_statuses,
                acknowledged_by=str(incident.acknowledged_by_id) if incident.acknowledged_by_id else None,
            )
        before = incident.status
        now = timezone.now()
        name_acknowledger(incident, actor, now)
        if incident.status == Status.OPEN:
            incident.status = Status.INVESTIGATING
        data = {"from": before, "to": incident.status}
        append_event(incident=incident, kind=EventKind.ACKNOWLEDGED, actor=actor, data=data, at=now)
    return incident


def name_acknowledger(incident: Incident, actor: Actor, at: datetime) -> None:
    incident.acknowledged_at = at
    incident.acknowledged_by_id = actor.user_id

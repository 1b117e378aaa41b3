from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident


def incident_withdraw(*, incident_id: UUID, actor: Actor, reason: str) -> Incident:
    """Takes the incident out of every list and figure, as one that should not have been. The row and its
    record stay.

    Raises:
        NotFound: no such incident.
        InvalidInput: no reason.
        Conflict: it is withdrawn already, or merged.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason", "Say why the incident is withdrawn; the reason is kept.")
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        incident.withdrawn_at = timezone.now()
        incident.withdrawn_reason = reason
        append_event(
            incident=incident,
            kind=EventKind.WITHDRAWN,
            actor=actor,
            data={"reason": reason},
            at=incident.withdrawn_at,
        )
    return incident

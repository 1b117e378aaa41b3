from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents import metrics
from incidents.actions.incident_acknowledge import name_acknowledger
from incidents.actions.locking import locked, refuse_finished, violations_as_conflicts
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status, may_follow, needs_reason
from incidents.models import EventKind, Incident


def incident_change_status(
    *, incident_id: UUID, actor: Actor, status: Status, reason: str = "", keeps_acknowledgement: bool = False
) -> Incident:
    """Moves the incident along its lifecycle.

    A person who moves an incident on that nobody has (open, or the acknowledgement lapsed) has taken note of it, and
    is its acknowledger; open → investigating is an acknowledgement whoever makes it. Reopening empties the
    acknowledgement, so that people are told again.

    Args:
        keeps_acknowledgement: reopening leaves it with whoever acknowledged it before: a problem that comes and
            goes wakes nobody who knows of it.

    Raises:
        NotFound: no such incident.
        Conflict: the step is not legal (``allowed`` names those that are), or the problem of a resolved
            incident has a newer open one.
        InvalidInput: going back to investigating needs a reason.
    """
    reason = reason.strip()
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        before = Status(incident.status)
        if not may_follow(before, status):
            raise Conflict(
                f"{incident.reference} is {before}; it cannot become {status}.",
                allowed=incident.allowed_statuses,
            )
        if needs_reason(before, status) and not reason:
            raise InvalidInput("reason", f"Say why it goes back from {before} to {status}.")
        _apply(incident, before, status, actor, keeps_acknowledgement)
        kind = EventKind.STATUS_CHANGED
        if before is Status.OPEN and status is Status.INVESTIGATING:
            kind = EventKind.ACKNOWLEDGED
        data = {"from": before, "to": status} | ({"reason": reason} if reason else {})
        with violations_as_conflicts(incident):
            append_event(incident=incident, kind=kind, actor=actor, data=data)
        if status is Status.RESOLVED and incident.resolved_at is not None:
            hours = (incident.resolved_at - incident.opened_at).total_seconds() / 3600
            transaction.on_commit(lambda: metrics.time_to_resolve.observe(hours), robust=True)
    return incident


def _apply(incident: Incident, before: Status, status: Status, actor: Actor, keeps_acknowledgement: bool) -> None:
    now = timezone.now()
    incident.status = status
    is_taken_up = before is Status.OPEN and status is Status.INVESTIGATING
    is_moved_on = actor.kind == "user" and status is not Status.INVESTIGATING
    if incident.acknowledged_at is None and (is_taken_up or is_moved_on):
        name_acknowledger(incident, actor, now)
    if status is Status.MITIGATED:
        incident.mitigated_at = now
    elif status is Status.RESOLVED:
        incident.resolved_at = now
    else:
        incident.mitigated_at = None
        if before is Status.RESOLVED:
            incident.resolved_at = None
            if not keeps_acknowledgement:
                incident.acknowledged_at = None
                incident.acknowledged_by = None

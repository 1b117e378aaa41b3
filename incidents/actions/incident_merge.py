from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.incident_follow import add_followers
from incidents.actions.incident_link_logs import LogToLink, keep_sample
from incidents.actions.locking import locked_in_order, refuse_finished
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import EventKind, Follower, Incident, IncidentLog


def incident_merge(*, incident_id: UUID, actor: Actor, into_id: UUID) -> Incident:
    """Declares the incident to be the same problem as another, in which it lives on. Returns the source.

    The target takes over the logs; whatever detects the source's problem from now on adds to the target.
    Both timelines say so.

    Raises:
        NotFound: one of the two does not exist.
        InvalidInput: an incident cannot be merged into itself.
        Conflict: one of them was withdrawn or merged before, or the target is resolved.
    """
    if incident_id == into_id:
        raise InvalidInput("into", "An incident cannot be merged into itself.")
    with transaction.atomic():
        found = locked_in_order(incident_id, into_id)
        source, target = found[incident_id], found[into_id]
        refuse_finished(source)
        refuse_finished(target)
        if target.status == Status.RESOLVED:
            raise Conflict(
                f"{target.reference} is resolved; reopen it first, or merge the other way round.",
                allowed=target.allowed_statuses,
            )
        now = timezone.now()
        source.merged_into = target
        source.merged_at = now
        _take_over(source, target)
        about_target = {"into": str(target.pk), "into_number": target.number}
        append_event(incident=source, kind=EventKind.MERGED, actor=actor, data=about_target, at=now)
        about_source = {"from": str(source.pk), "from_number": source.number, "title": source.title}
        append_event(incident=target, kind=EventKind.MERGED, actor=actor, data=about_source, at=now)
    return source


def _take_over(source: Incident, target: Incident) -> None:
    target.log_count += source.log_count
    target.occurrence_count += source.occurrence_count
    target.first_occurrence_at = min(target.first_occurrence_at, source.first_occurrence_at)
    target.last_occurrence_at = max(target.last_occurrence_at, source.last_occurrence_at)
    add_followers(target, Follower.objects.filter(incident=source).values_list("user_id", flat=True))
    keep_sample(target, [_as_offered(log) for log in IncidentLog.objects.filter(incident=source)])


def _as_offered(log: IncidentLog) -> LogToLink:
    return LogToLink(
        service_id=log.service_id,
        timestamp=log.timestamp,
        hash=log.hash,
        retention_days=log.retention_days,
        level=log.level,
        message=log.message,
        metadata=log.metadata,
        trace_id=log.trace_id,
    )

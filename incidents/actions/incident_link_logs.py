from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.timeline import append_event
from incidents.events import IncidentCounted, incident_counted
from incidents.models import MOST_LINKED_LOGS, EventKind, Incident, IncidentLog

FIRST_KEPT = 20
NEWEST_KEPT = MOST_LINKED_LOGS - FIRST_KEPT


@dataclass(frozen=True)
class LogToLink:
    """A log as it is copied to an incident."""

    service_id: int
    timestamp: datetime
    hash: int
    retention_days: int
    level: int
    message: str
    metadata: dict[str, Any] = field(default_factory=dict)
    trace_id: str | None = None


def incident_link_logs(
    *,
    incident_id: UUID,
    actor: Actor,
    logs: Sequence[LogToLink],
    added: int,
    since: datetime,
    until: datetime,
) -> Incident:
    """Adds logs to an incident: all of them to its count, and a sample, its first 20 and newest 30, as
    copies.

    The timeline says so for the first ones and then at each power of ten, so that a flood does not bury
    what people write.

    Args:
        logs: candidates for the sample; those that are in it already are no harm.
        added: how many logs were not counted before.
        since, until: event times of the first and last of all logs that were counted.

    Raises:
        NotFound: no such incident.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        keep_sample(incident, logs)
        before = incident.log_count
        incident.log_count += added
        incident.first_occurrence_at = min(incident.first_occurrence_at, since)
        incident.last_occurrence_at = max(incident.last_occurrence_at, until)
        if added and (before == 0 or len(str(incident.log_count)) > len(str(before))):
            data = {"log_count": incident.log_count}
            append_event(incident=incident, kind=EventKind.LOGS_LINKED, actor=actor, data=data)
        else:
            incident.save()
            incident_counted.emit(IncidentCounted(incident))
    return incident


def keep_sample(incident: Incident, logs: Sequence[LogToLink]) -> None:
    """Merges the logs into the sample of a locked incident and trims it to its two ends."""
    present = {
        (timestamp, service_id, hash_)
        for timestamp, service_id, hash_ in IncidentLog.objects.filter(incident=incident).values_list(
            "timestamp", "service_id", "hash"
        )
    }
    offered = {(log.timestamp, log.service_id, log.hash): log for log in logs}
    order = sorted(present | offered.keys())
    kept = set(order[:FIRST_KEPT]) | set(order[-NEWEST_KEPT:])
    IncidentLog.objects.bulk_create(_copy(incident, offered[key]) for key in order if key in kept - present)
    for timestamp, service_id, hash_ in present - kept:
        IncidentLog.objects.filter(incident=incident, timestamp=timestamp, service_id=service_id, hash=hash_).delete()


def _copy(incident: Incident, log: LogToLink) -> IncidentLog:
    return IncidentLog(
        organization_id=incident.organization_id,
        incident=incident,
        service_id=log.service_id,
        timestamp=log.timestamp,
        hash=log.hash,
        retention_days=log.retention_days,
        level=log.level,
        message=log.message,
        metadata=log.metadata,
        trace_id=log.trace_id,
    )

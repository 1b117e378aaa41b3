from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor, require_organization_id
from incidents import metrics
from incidents.actions.incident_record_occurrence import record_occurrence
from incidents.actions.locking import locked, violated_constraint
from incidents.actions.people import responder
from incidents.actions.timeline import append_event, begin_timeline
from incidents.lifecycle import DEFAULT_PRIORITY, Priority, Severity, Source
from incidents.models import LONGEST_KEY, LONGEST_TITLE, EventKind, Incident
from incidents.selectors import heir_of_problem, live_carriers
from organizations.models import Service

#: Each round is lost only to an opener, a reopening or a merge that committed in between.
MOST_ROUNDS = 5


@dataclass(frozen=True)
class OpenedIncident:
    """``is_new`` is false where an open incident of the same problem was joined instead."""

    incident: Incident
    is_new: bool


@dataclass(frozen=True)
class DetectedProblem:
    """What makes two openings one: the key, and when the problem showed itself."""

    dedup_key: str | None = None
    source: Source = Source.MANUAL
    source_id: UUID | None = None
    first_occurrence_at: datetime | None = None
    last_occurrence_at: datetime | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    """What the source saw, for the timeline: a rule's name, count and window."""


def incident_open(
    *,
    actor: Actor,
    title: str,
    severity: Severity,
    description: str = "",
    priority: Priority | None = None,
    service: Service | None = None,
    assignee_id: UUID | None = None,
    problem: DetectedProblem | None = None,
) -> OpenedIncident:
    """Opens an incident, or joins the open one of the same ``dedup_key``, also under concurrency.

    Raises:
        InvalidInput: empty or too long title, or an assignee who cannot work on incidents.
    """
    problem = problem or DetectedProblem()
    title = " ".join(title.split())
    if not title:
        raise InvalidInput("title", "Say in a few words what is wrong.")
    if len(title) > LONGEST_TITLE:
        raise InvalidInput("title", f"At most {LONGEST_TITLE} characters; the description has room for more.")
    if problem.dedup_key is not None and not 0 < len(problem.dedup_key) <= LONGEST_KEY:
        raise InvalidInput("dedup_key", f"Write 1 to {LONGEST_KEY} characters.")
    now = timezone.now()
    incident = Incident(
        title=title,
        description=description,
        severity=severity,
        priority=priority or DEFAULT_PRIORITY[severity],
        service=service,
        assignee=responder(assignee_id) if assignee_id else None,
        source=problem.source,
        source_id=problem.source_id,
        dedup_key=problem.dedup_key,
        opened_by_id=actor.user_id,
        opened_at=now,
        touched_at=now,
        event_count=1,
        first_occurrence_at=problem.first_occurrence_at or now,
        last_occurrence_at=problem.last_occurrence_at or problem.first_occurrence_at or now,
    )
    with transaction.atomic():
        for _ in range(MOST_ROUNDS):
            joined = _join(problem, actor)
            if joined is not None:
                return OpenedIncident(joined, is_new=False)
            if _insert(incident):
                break
        else:
            raise Conflict("Other changes to the same problem kept coming first; try again.")
        data = {"title": title, "severity": severity, "priority": incident.priority, "source": problem.source}
        begin_timeline(incident=incident, actor=actor, data=data | problem.evidence)
        if incident.assignee_id:
            assigned = {"from": None, "to": str(incident.assignee_id)}
            append_event(incident=incident, kind=EventKind.ASSIGNED, actor=actor, data=assigned, at=now)
        labels = {"source": str(problem.source), "severity": str(severity)}
        transaction.on_commit(lambda: metrics.incidents_opened.labels(**labels).inc(), robust=True)
    return OpenedIncident(incident, is_new=True)


def _join(problem: DetectedProblem, actor: Actor) -> Incident | None:
    """Records the occurrence on the incident that holds the problem, if one does once it is locked."""
    if problem.dedup_key is None or not Incident.objects.filter(dedup_key=problem.dedup_key).exists():
        return None
    incident = live_carriers(problem.dedup_key).select_for_update(no_key=True).first()
    if incident is None:
        heir = heir_of_problem(problem.dedup_key)
        if heir is None:
            return None
        incident = locked(heir.pk)
    if not incident.is_live:  # Resolved, withdrawn or merged away while we waited for the lock: look again.
        return None if incident.merged_into_id is None else _join(problem, actor)
    record_occurrence(incident=incident, at=problem.last_occurrence_at)
    return incident


def _insert(incident: Incident) -> bool:
    """Gives the incident its number and writes it. False: another incident took the problem first.

    The counter is locked inside the savepoint, so that losing releases it: whoever loses goes on to lock
    the winner's incident, and incidents come before the counter.
    """
    try:
        with transaction.atomic():
            incident.number = _next_number()
            incident.save(force_insert=True)
    except IntegrityError as error:
        if violated_constraint(error) != "incident_one_open_problem":
            raise
        return False
    return True


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO incidents_incidentcounter AS counter (organization_id, last_number) VALUES (%s, 1)"
            " ON CONFLICT (organization_id) DO UPDATE SET last_number = counter.last_number + 1"
            " RETURNING last_number",
            [require_organization_id()],
        )
        return int(cursor.fetchone()[0])

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.sla_clocks import clocks_recompute
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import EventKind, Incident, SlaClock, SlaPolicy
from incidents.sla.clock import Clock, Run
from incidents.sla.regulatory import due_times, read_milestones

LONGEST_EVIDENCE = 20_000
#: Awareness may lie before the incident was opened here, but not by more than this.
EARLIEST_AWARENESS = timedelta(days=366)


def sla_assign(*, incident_id: UUID, actor: Actor, policy_id: UUID | None) -> Incident:
    """Holds the incident to another service level from its beginning on; None: to none.

    Raises:
        NotFound: no such incident.
        InvalidInput: no such policy of the kind service.
        Conflict: the incident is resolved, withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        if incident.status == Status.RESOLVED:
            raise Conflict(f"{incident.reference} is resolved: its clocks have stopped.", allowed=[])
        policy = None if policy_id is None else _policy(policy_id, SlaPolicy.Kind.SERVICE)
        reason = "another policy was assigned" if policy else "the policy was taken away"
        clocks_recompute(incident, policy, at=timezone.now(), actor=actor, reason=reason)
    return incident


def regulatory_start(
    *,
    incident_id: UUID,
    actor: Actor,
    policy_id: UUID,
    aware_at: datetime | None = None,
    classified_at: datetime | None = None,
) -> Incident:
    """Marks the incident as one that must be reported, and starts a clock for each report.

    Args:
        aware_at: when the organization became aware of it; by default when the incident was opened.
        classified_at: when it was classified as reportable, where the duty counts from that; by default now.

    Raises:
        NotFound: no such incident.
        InvalidInput: no such policy of the kind regulatory, or a time that cannot be.
        Conflict: it was marked with this policy before, or is withdrawn or merged.
    """
    now = timezone.now()
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        policy = _policy(policy_id, SlaPolicy.Kind.REGULATORY)
        if SlaClock.objects.filter(incident=incident, policy=policy).exists():
            raise Conflict(f"The clocks of “{policy.name}” run on {incident.reference} already.")
        aware_at = aware_at or incident.opened_at
        classified_at = max(classified_at or now, aware_at)
        for name, moment in (("aware_at", aware_at), ("classified_at", classified_at)):
            if not now - EARLIEST_AWARENESS <= moment <= now + timedelta(minutes=5):
                raise InvalidInput(name, "Write a time within the last year that has come already.")
        milestones = read_milestones(policy.milestones)
        due = due_times(milestones, aware_at=aware_at, classified_at=classified_at, recorded={})
        for milestone in milestones:
            clock = SlaClock(
                incident=incident,
                policy=policy,
                kind=SlaClock.Kind.MILESTONE,
                name=milestone.name,
                citation=milestone.citation,
                started_at=aware_at,
            )
            clock.hold(_until(aware_at, due[milestone.name]), warn_percent=policy.warn_percent)
            clock.save(force_insert=True)
        data = {
            "policy": policy.name,
            "regulatory": True,
            "aware_at": aware_at.isoformat(),
            "classified_at": classified_at.isoformat(),
            "due": {name: moment.isoformat() for name, moment in due.items()},
        }
        append_event(incident=incident, kind=EventKind.SLA_STARTED, actor=actor, data=data, at=now)
    return incident


def milestone_record(
    *, incident_id: UUID, clock_id: UUID, actor: Actor, evidence: str, at: datetime | None = None
) -> SlaClock:
    """Records that a report was made: when, and what proves it. What is counted from it is counted anew.

    Raises:
        NotFound: no such incident or clock.
        InvalidInput: no evidence, or a time that has not come or lies before the clock's start.
        Conflict: it was recorded before, or the incident is withdrawn or merged.
    """
    evidence, now = evidence.strip(), timezone.now()
    if not 0 < len(evidence) <= LONGEST_EVIDENCE:
        raise InvalidInput("evidence", "Say what was sent to whom, with its reference; it is kept with the incident.")
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        clocks = list(
            SlaClock.objects.select_for_update(no_key=True, of=("self",))
            .select_related("policy")
            .filter(incident=incident, kind=SlaClock.Kind.MILESTONE)
            .order_by("pk")
        )
        clock = next((one for one in clocks if one.pk == clock_id), None)
        if clock is None:
            raise NotFound()
        if clock.is_stopped:
            raise Conflict(f"“{clock.name}” was recorded before.")
        at = at or now
        if not clock.started_at <= at <= now:
            raise InvalidInput("at", "Write a time between the start of the clock and now.")
        clock.state, clock.stopped_at = SlaClock.State.STOPPED, at
        if clock.due_at is not None and clock.due_at < at:
            clock.breached_at = clock.due_at
        elif clock.breached_at is not None:
            clock.breached_at = None  # It was made in time, and only entered late.
        clock.outcome = SlaClock.Outcome.MET if clock.breached_at is None else SlaClock.Outcome.MISSED
        clock.evidence, clock.recorded_by_id = evidence, actor.user_id
        clock.plan_check()
        clock.save()
        data = {
            "clock": str(clock.pk),
            "label": clock.name,
            "policy": clock.policy.name,
            "at": at.isoformat(),
            "due_at": clock.due_at.isoformat() if clock.due_at else None,
            "outcome": clock.outcome,
            "evidence": evidence,
        }
        append_event(incident=incident, kind=EventKind.MILESTONE_RECORDED, actor=actor, data=data, at=now)
        _count_anew(incident, clock, [one for one in clocks if one.policy_id == clock.policy_id])
    return clock


def _count_anew(incident: Incident, recorded: SlaClock, clocks: list[SlaClock]) -> None:
    """Moves what is counted from the recorded milestone, directly or through others."""
    started = (
        incident.timeline.filter(kind=EventKind.SLA_STARTED, data__policy=recorded.policy.name, data__regulatory=True)
        .order_by("-sequence")
        .first()
    )
    if started is None:
        return
    due = due_times(
        read_milestones(recorded.policy.milestones),
        aware_at=datetime.fromisoformat(started.data["aware_at"]),
        classified_at=datetime.fromisoformat(started.data["classified_at"]),
        recorded={one.name: one.stopped_at for one in clocks if one.stopped_at is not None},
    )
    for clock in clocks:
        moment = due.get(clock.name)
        if clock.is_stopped or moment is None or moment == clock.due_at:
            continue
        clock.hold(_until(clock.started_at, moment), warn_percent=clock.policy.warn_percent)
        clock.save()


def _until(start: datetime, due: datetime) -> Clock:
    return Clock(due - start, None, (Run(start),))


def _policy(policy_id: UUID, kind: str) -> SlaPolicy:
    policy = SlaPolicy.objects.select_related("calendar").filter(pk=policy_id, kind=kind, removed_at=None).first()
    if policy is None:
        raise InvalidInput("policy", f"There is no such policy of the kind {kind}.")
    return policy

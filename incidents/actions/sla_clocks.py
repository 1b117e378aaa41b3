"""The clocks of an incident: started when it opens, held to its status, recomputed when the promise changes.

Each function runs under the incident's lock, in the transaction of the change that it follows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from incident_center.kernel.scope import Actor
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import EventKind, Incident, ServiceSla, SlaClock, SlaPolicy
from incidents.models.sla import hours_of
from incidents.sla.clock import Clock, Run
from incidents.sla.targets import RESOLUTION, RESPONSE, target_of

SLA = Actor.system("sla")
_FIELDS = {SlaClock.Kind.RESPONSE: RESPONSE, SlaClock.Kind.RESOLUTION: RESOLUTION}


def policy_for(incident: Incident) -> SlaPolicy | None:
    """The policy that a new incident falls under: its service's, or the organization's default."""
    policies = SlaPolicy.objects.select_related("calendar").filter(removed_at=None, kind=SlaPolicy.Kind.SERVICE)
    own = ServiceSla.objects.filter(service=incident.service_id).values("policy_id")
    return policies.filter(Q(is_default=True) | Q(pk__in=own)).order_by("is_default").first()


def clocks_start(incident: Incident, policy: SlaPolicy | None, *, at: datetime) -> list[SlaClock]:
    """Starts the response and the resolution clock, as far as the policy promises them, from ``at``; once."""
    if policy is None:
        return []
    clocks = []
    for kind, field in _FIELDS.items():
        target = target_of(policy.targets, incident.priority, field)
        if target is None:
            continue
        hours = policy.calendar.frozen() if policy.calendar else None
        clock = SlaClock(incident=incident, policy=policy, kind=kind, hours=hours, started_at=at)
        clock.hold(Clock(target, hours_of(hours), (Run(at),)), warn_percent=policy.warn_percent)
        clocks.append(clock)
    return SlaClock.objects.bulk_create(clocks, ignore_conflicts=True)


def clocks_follow(incident: Incident, *, at: datetime, merged_at: datetime | None = None) -> None:
    """Brings the response and the resolution clock to where the incident's status has them. Changes nothing twice.

    What was cancelled stays so: nothing is promised any more.

    Args:
        merged_at: of a merge that is taken back. What it cancelled goes on.
    """
    over = incident.withdrawn_at is not None or incident.merged_into_id is not None
    for clock in _locked_clocks(incident):
        if clock.outcome == SlaClock.Outcome.CANCELLED:
            if merged_at is None or clock.stopped_at != merged_at:
                continue
            _revive(clock, at)
        if over:
            if not clock.is_stopped:
                _stop(incident, clock, at, cancelled=True)
        elif clock.kind == SlaClock.Kind.RESPONSE:
            _follow_response(incident, clock, at)
        elif clock.kind == SlaClock.Kind.RESOLUTION:
            _follow_resolution(incident, clock, at)


def clocks_recompute(incident: Incident, policy: SlaPolicy | None, *, at: datetime, actor: Actor, reason: str) -> None:
    """Holds the incident to another promise from its beginning on, and writes down why.

    What was running goes on under the new target and hours, and what was promised before, or never was, begins; a
    breach that the new promise does not know is taken back, which the timeline says; one that it knows now is entered.
    """
    clocks = {clock.kind: clock for clock in _locked_clocks(incident) if clock.kind != SlaClock.Kind.MILESTONE}
    before = {kind: clock.due_at for kind, clock in clocks.items()}
    for clock in clocks.values():
        if not clock.is_stopped or clock.outcome == SlaClock.Outcome.CANCELLED:
            _measure_anew(incident, clock, policy, at)
    clocks_start(incident, policy, at=incident.opened_at)
    clocks_follow(incident, at=at)
    due = {clock.kind: clock.due_at for clock in SlaClock.objects.filter(incident=incident, kind__in=_FIELDS)}
    if not before and not due:
        return
    data: dict[str, Any] = {"reason": reason, "policy": policy.name if policy else None}
    for kind in sorted(before.keys() | due.keys()):
        data[kind] = {"from": _text(before.get(kind)), "to": _text(due.get(kind))}
    event = EventKind.SLA_RECOMPUTED if before else EventKind.SLA_STARTED
    append_event(incident=incident, kind=event, actor=actor, data=data, at=at)


def clock_fall_due(*, clock_id: UUID, now: datetime) -> bool:
    """Enters a warning or a breach whose time has come; False where there is nothing (any more) to enter.

    The incident is locked first, as everywhere; whoever comes second finds the clock moved on.
    """
    with transaction.atomic():
        incident_id = SlaClock.objects.filter(pk=clock_id).values_list("incident_id", flat=True).first()
        if incident_id is None:
            return False
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        clock = SlaClock.objects.select_for_update(no_key=True).get(pk=clock_id)
        if clock.next_check_at is None or clock.next_check_at > now:
            return False
        if clock.due_at is not None and clock.due_at <= now:
            _enter_breach(incident, clock, now)
            return True
        clock.warned_at = now
        clock.plan_check()
        clock.save()
        append_event(incident=incident, kind=EventKind.SLA_WARNING, actor=SLA, data=_about(clock), at=now)
        return True


def _measure_anew(incident: Incident, clock: SlaClock, policy: SlaPolicy | None, at: datetime) -> None:
    field = _FIELDS[SlaClock.Kind(clock.kind)]
    target = target_of(policy.targets, incident.priority, field) if policy else None
    if policy is None or target is None:
        if not clock.is_stopped:
            _stop(incident, clock, at, cancelled=True)
        return
    if clock.is_stopped:
        _revive(clock, at)
    clock.policy = policy
    clock.hours = policy.calendar.frozen() if policy.calendar else None
    clock.hold(clock.clock.measured_by(target, hours_of(clock.hours)), warn_percent=policy.warn_percent)
    if clock.breached_at is not None and (clock.due_at is None or clock.due_at > at):
        clock.breached_at = None
    if clock.warn_at is None or clock.warn_at > at:
        clock.warned_at = None
    clock.plan_check()
    clock.save()
    _enter_breach(incident, clock, at)


# ---- One clock -----------------------------------------------------------------------------------------------------


def _locked_clocks(incident: Incident) -> list[SlaClock]:
    clocks = SlaClock.objects.select_for_update(no_key=True, of=("self",)).select_related("policy")
    return list(clocks.filter(incident=incident).order_by("pk"))


def _follow_response(incident: Incident, clock: SlaClock, at: datetime) -> None:
    """Someone took it up, or it ended without: either answers. A lapsed acknowledgement does not undo the response."""
    if clock.is_stopped:
        return
    if incident.acknowledged_at is not None or incident.status == Status.RESOLVED:
        _stop(incident, clock, at)


def _follow_resolution(incident: Incident, clock: SlaClock, at: datetime) -> None:
    if incident.status == Status.RESOLVED:
        if not clock.is_stopped:
            _stop(incident, clock, at)
    elif incident.status in clock.policy.pause_while:
        if clock.state == SlaClock.State.RUNNING:
            clock.state = SlaClock.State.PAUSED
            _hold(clock, clock.clock.paused(at))
            _enter_breach(incident, clock, at)
    elif clock.state != SlaClock.State.RUNNING:
        _resume(clock, at)


def _resume(clock: SlaClock, at: datetime) -> None:
    clock.state, clock.stopped_at, clock.outcome = SlaClock.State.RUNNING, None, ""
    _hold(clock, clock.clock.resumed(at))


def _revive(clock: SlaClock, at: datetime) -> None:
    """A cancelled clock goes on. A duty's deadline is where it was: a law's clock does not stand still meanwhile."""
    if clock.kind == SlaClock.Kind.MILESTONE:
        clock.hold_runs(Clock(clock.target, None, (Run(clock.started_at),)))
    _resume(clock, at)


def _hold(clock: SlaClock, mathematics: Clock) -> None:
    clock.hold(mathematics, warn_percent=clock.policy.warn_percent)
    clock.save()


def _stop(incident: Incident, clock: SlaClock, at: datetime, *, cancelled: bool = False) -> None:
    due_at = clock.due_at
    _enter_breach(incident, clock, at)
    clock.state, clock.stopped_at = SlaClock.State.STOPPED, at
    clock.hold_runs(clock.clock.paused(at))
    if cancelled:
        clock.outcome = SlaClock.Outcome.CANCELLED
    else:
        clock.outcome = SlaClock.Outcome.MET if clock.breached_at is None else SlaClock.Outcome.MISSED
    clock.due_at = due_at
    clock.plan_check()
    clock.save()


def _enter_breach(incident: Incident, clock: SlaClock, now: datetime) -> None:
    """Marks a clock whose time is up, also where the sweep had no chance to; once."""
    if clock.breached_at is not None or clock.due_at is None or clock.due_at > now:
        return
    clock.breached_at = clock.due_at
    clock.plan_check()
    clock.save()
    append_event(incident=incident, kind=EventKind.SLA_BREACHED, actor=SLA, data=_about(clock), at=now)


def _about(clock: SlaClock) -> dict[str, Any]:
    return {
        "clock": str(clock.pk),
        "kind": clock.kind,
        "label": clock.label,
        "due_at": _text(clock.due_at),
        "target_seconds": clock.target_seconds,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

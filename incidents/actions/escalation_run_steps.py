from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.escalation_tell import event_recipients, record_findings, tell_responders
from incidents.actions.timeline import append_event
from incidents.escalation.plan import LAST_RESORT, Due, Position, step_after
from incidents.escalation.targets import Findings, find_last_resort, find_people
from incidents.events import Urgency
from incidents.ledger import Ruling, record
from incidents.models import Escalation, EscalationStepRun, EventKind, Incident, Stage

ESCALATION = Actor.system("escalation")


def escalation_run_due_steps(*, escalation_id: UUID, now: datetime) -> bool:
    """Does what is due of an escalation. False: another worker has the incident at this moment, try again.

    The claim is the incident's own lock, taken with SKIP LOCKED. An acknowledgement takes the same lock, so a step
    either ran before it or does not run at all; and a step that a killed worker had begun was never written.
    """
    incident_id = Escalation.objects.filter(pk=escalation_id).values_list("incident_id", flat=True).first()
    if incident_id is None:
        return True
    with transaction.atomic():
        claimed = Incident.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=incident_id).first()
        if claimed is None:
            return False
        escalation = Escalation.objects.select_for_update(no_key=True).get(pk=escalation_id)
        run_due_steps(incident=claimed, escalation=escalation, now=now)
    return True


def run_due_steps(*, incident: Incident, escalation: Escalation, now: datetime, by_hand: bool = False) -> None:
    """Runs the step that is due, and those after it at once as long as none of them finds anybody.

    Both rows are locked. What a mute holds back stays due, and its end runs it; a person who calls is no noise.
    """
    while escalation.next_due_at is not None and escalation.next_due_at <= now:
        if not by_hand and incident.muted_until is not None and incident.muted_until > now:
            _hold(incident, escalation, now)
            return
        run_next_step(incident=incident, escalation=escalation, now=now)


def run_next_step(
    *, incident: Incident, escalation: Escalation, now: datetime, actor: Actor = ESCALATION, reason: str = ""
) -> None:
    """Runs the next step of a running escalation, due or not: a person may ask for it."""
    due = step_after(escalation.plan, escalation.position, now)
    assert due is not None, "a running escalation has a next step"
    if due.position.level == LAST_RESORT:
        _exhaust(incident, escalation, due.position, now, actor, reason)
    else:
        _run_step(incident, escalation, due.position, now, actor, reason)


def _run_step(
    incident: Incident, escalation: Escalation, position: Position, now: datetime, actor: Actor, reason: str
) -> None:
    plan = escalation.plan
    findings = find_people(plan.steps[position.level - 1].targets, now)
    urgency = Urgency.HIGH if plan.urgency.is_high(incident.severity, now) else Urgency.LOW
    _keep(escalation, position, findings, urgency, now)
    what = f"Step {position.level} of “{escalation.policy['name']}”{_round(position, plan.rounds)}"
    record_findings(incident, escalation, findings, what=what)
    data = _data(escalation, position, urgency, reason)
    if findings.has_somebody:
        data |= event_recipients(findings)
        event = append_event(incident=incident, kind=EventKind.ESCALATED, actor=actor, data=data, at=now)
        tell_responders(incident, event, actor, findings, urgency)
    else:
        data["targets"] = [{"name": each.name, "reason": each.reason} for each in findings.targets]
        append_event(incident=incident, kind=EventKind.NOBODY_REACHABLE, actor=actor, data=data, at=now)
    following = step_after(plan, position, now)
    assert following is not None, "after every step comes at least the last resort"
    _go_on(incident, escalation, position, following, findings, now)


def _go_on(
    incident: Incident, escalation: Escalation, position: Position, following: Due, findings: Findings, now: datetime
) -> None:
    """Sets when the next step is due: at once where this one found nobody and the round goes on."""
    ends_round = following.position.round > position.round
    if ends_round and not _has_reached_anybody(escalation, position.round):
        _tell_last_resort(incident, escalation, Position(position.round, LAST_RESORT), now)
    at_once = not findings.has_somebody and not ends_round
    escalation.next_due_at = now if at_once else following.at
    escalation.held_since = None
    escalation.save()


def _exhaust(
    incident: Incident, escalation: Escalation, position: Position, now: datetime, actor: Actor, reason: str
) -> None:
    """Nobody acknowledged, whoever was told: the last resort is told, loudly, and that is on the record."""
    escalation.state = Escalation.State.EXHAUSTED
    escalation.next_due_at = escalation.held_since = None
    escalation.stopped_at, escalation.stopped_by = now, Escalation.End.EXHAUSTED
    findings = find_last_resort()
    _keep(escalation, position, findings, Urgency.HIGH, now)
    escalation.save()
    record_findings(
        incident, escalation, findings, what=f"“{escalation.policy['name']}” is exhausted, and nobody has it"
    )
    data = _data(escalation, position, Urgency.HIGH, reason) | event_recipients(findings)
    event = append_event(incident=incident, kind=EventKind.ESCALATION_EXHAUSTED, actor=actor, data=data, at=now)
    tell_responders(incident, event, actor, findings, Urgency.HIGH)


def _tell_last_resort(incident: Incident, escalation: Escalation, position: Position, now: datetime) -> None:
    """No step of the round found anybody: somebody has to know at once, not only when the policy is exhausted."""
    findings = find_last_resort()
    _keep(escalation, position, findings, Urgency.HIGH, now, moves=False)
    record_findings(incident, escalation, findings, what=f"No step of “{escalation.policy['name']}” found anybody")
    data = _data(escalation, position, Urgency.HIGH, "") | event_recipients(findings)
    event = append_event(incident=incident, kind=EventKind.ESCALATED, actor=ESCALATION, data=data, at=now)
    tell_responders(incident, event, ESCALATION, findings, Urgency.HIGH)


def _keep(
    escalation: Escalation,
    position: Position,
    findings: Findings,
    urgency: Urgency,
    now: datetime,
    *,
    moves: bool = True,
) -> None:
    """Writes that the step ran. A second writer, whatever made it believe that the step is due, fails here."""
    EscalationStepRun.objects.create(
        escalation=escalation,
        round=position.round,
        level=position.level,
        due_at=escalation.held_since or min(escalation.next_due_at or now, now),
        at=now,
        targets=[finding.as_data() for finding in findings.targets],
        people=[str(user_id) for user_id in findings.people],
        channels=[str(channel_id) for channel_id in findings.channels],
        urgency=urgency,
    )
    if moves:
        escalation.round, escalation.level = position.round, position.level


def _hold(incident: Incident, escalation: Escalation, now: datetime) -> None:
    assert incident.muted_until is not None
    if escalation.held_since is None:
        escalation.held_since = escalation.next_due_at
        reason = "The incident is muted: the step that is due waits until the mute ends."
        record([Ruling(Stage.ESCALATION, "held", reason, data={"escalation": str(escalation.pk)})], incident=incident)
    escalation.next_due_at = incident.muted_until
    escalation.save()


def _has_reached_anybody(escalation: Escalation, number: int) -> bool:
    runs = EscalationStepRun.objects.filter(escalation=escalation, round=number)
    return any(run.people or run.channels for run in runs)


def _data(escalation: Escalation, position: Position, urgency: Urgency, reason: str) -> dict[str, Any]:
    data = {
        "escalation": str(escalation.pk),
        "policy": escalation.policy["name"],
        "round": position.round,
        "level": position.level,
        "levels": len(escalation.plan.steps),
        "urgency": str(urgency),
    }
    return data | ({"reason": reason} if reason else {})


def _round(position: Position, rounds: int) -> str:
    return f", round {position.round} of {rounds}" if rounds > 1 else ""

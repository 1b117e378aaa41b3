from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.escalation_run_steps import run_due_steps, run_next_step
from incidents.actions.escalation_start import escalation_start
from incidents.actions.escalation_tell import event_recipients, record_findings, tell_responders
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.escalation.definition import DEFAULT_URGENCY
from incidents.escalation.plan import BEGINNING, Position, Target
from incidents.escalation.selectors import latest_escalation, locked_running_escalation, policy_for_service
from incidents.escalation.targets import Findings, find_last_resort, find_people, with_unreachable
from incidents.events import Urgency
from incidents.lifecycle import Status
from incidents.models import Escalation, EscalationPolicy, EscalationStepRun, EventKind, Incident


def incident_escalate(
    *,
    incident_id: UUID,
    actor: Actor,
    reason: str,
    policy_id: UUID | None = None,
    to: Sequence[Target] = (),
) -> Escalation:
    """Calls more people to an incident, now.

    With ``to``: these people, once; whatever runs goes on, and an acknowledgement stands. With a policy: from its
    first step on, in the place of whatever runs. With neither: the next step of what runs, or runs last, or would run
    by the service's policy; where there is none, the owners and team leads. A policy means that somebody else is to
    take the incident up, so it ends an acknowledgement; the escalation stops when someone acknowledges again.

    Raises:
        NotFound: no such incident.
        InvalidInput: no reason, no such policy, or none of ``to`` works on incidents here.
        Conflict: it is resolved, withdrawn or merged.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason", "Say why; whoever is called reads it first.")
    if to and policy_id is not None:
        raise InvalidInput("to", "Name people or a policy, not both.")
    now = timezone.now()
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        if incident.status == Status.RESOLVED:
            raise Conflict(
                f"{incident.reference} is resolved; reopen it if the problem is back.",
                allowed=incident.allowed_statuses,
            )
        if to:
            findings = with_unreachable(find_people(to, now))
            if not findings.has_somebody:
                raise InvalidInput("to", _nobody(findings))
            return _tell_once(incident, actor, reason, findings, to, now)
        return _by_policy(incident, actor, reason, policy_id, now)


def _by_policy(incident: Incident, actor: Actor, reason: str, policy_id: UUID | None, now: datetime) -> Escalation:
    running = locked_running_escalation(incident)
    if policy_id is None and running is not None:
        run_next_step(incident=incident, escalation=running, now=now, actor=actor, reason=reason)
        run_due_steps(incident=incident, escalation=running, now=now, by_hand=True)  # Where that one found nobody.
        return running
    after = BEGINNING
    if policy_id is not None:
        policy = _policy(policy_id).frozen()
    elif (before := latest_escalation(incident)) is not None:
        policy = before.policy
        after = Position(1, before.level) if before.level < len(before.plan.steps) else BEGINNING
    elif (found := policy_for_service(incident.service_id)) is not None:
        policy = found.frozen()
    else:
        return _tell_once(incident, actor, reason, find_last_resort(), (), now)
    acknowledgement_of = incident.acknowledged_by_id
    incident.acknowledged_at = None
    incident.acknowledged_by = None
    # When the next acknowledgement lapses, the policy that runs from now on says.
    lapsing = Escalation.objects.filter(incident=incident, acknowledgement_expires_at__isnull=False)
    lapsing.update(acknowledgement_expires_at=None)
    return escalation_start(
        incident=incident,
        actor=actor,
        policy=policy,
        cause=Escalation.Cause.BY_HAND,
        at=now,
        after=after,
        reason=reason,
        acknowledgement_of=acknowledgement_of,
        replaces=running,
    )


def _tell_once(
    incident: Incident, actor: Actor, reason: str, findings: Findings, to: Sequence[Target], now: datetime
) -> Escalation:
    """An escalation of one step that names its people; nothing follows it."""
    escalation = Escalation.objects.create(
        incident=incident,
        policy={
            "id": None,
            "name": "by hand",
            "steps": [{"delay_minutes": 0, "targets": [target.as_data() for target in to]}],
            "repeat_count": 0,
            "repeat_delay_minutes": 1,
            "acknowledgement_timeout_minutes": None,
            "urgency": DEFAULT_URGENCY,
        },
        state=Escalation.State.COMPLETED,
        level=1,
        cause=Escalation.Cause.BY_HAND,
        by_hand=True,
        reason=reason,
        started_at=now,
        stopped_at=now,
        stopped_by=Escalation.End.COMPLETED,
    )
    EscalationStepRun.objects.create(
        escalation=escalation,
        round=1,
        level=1,
        due_at=now,
        at=now,
        targets=[finding.as_data() for finding in findings.targets],
        people=[str(user_id) for user_id in findings.people],
        channels=[str(channel_id) for channel_id in findings.channels],
        urgency=Urgency.HIGH,
    )
    record_findings(incident, escalation, findings, what="Escalated by hand")
    data = {"escalation": str(escalation.pk), "policy": None, "urgency": str(Urgency.HIGH), "reason": reason}
    event = append_event(
        incident=incident,
        kind=EventKind.ESCALATED,
        actor=actor,
        data=data | event_recipients(findings),
        at=now,
    )
    tell_responders(incident, event, actor, findings, Urgency.HIGH)
    return escalation


def _policy(policy_id: UUID) -> EscalationPolicy:
    policy = EscalationPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise InvalidInput("policy", "There is no such escalation policy.")
    return policy


def _nobody(findings: Findings) -> str:
    return " ".join(f"{finding.name} {finding.reason}." for finding in findings.targets)

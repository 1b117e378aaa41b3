from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from incident_center.kernel.scope import Actor
from incidents.actions.escalation_run_steps import run_due_steps
from incidents.actions.escalation_stop import escalation_stop
from incidents.actions.timeline import append_event
from incidents.escalation.plan import BEGINNING, Position, plan_of, step_after
from incidents.models import Escalation, EventKind, Incident


def escalation_start(
    *,
    incident: Incident,
    actor: Actor,
    policy: dict[str, Any],
    cause: Escalation.Cause,
    at: datetime,
    after: Position = BEGINNING,
    reason: str = "",
    acknowledgement_of: UUID | None = None,
    replaces: Escalation | None = None,
) -> Escalation:
    """Begins to tell people by a policy; part of an action that holds the incident's lock.

    What is due at once is done at once, in the same transaction.

    Args:
        policy: as ``EscalationPolicy.frozen``; it is kept, whatever becomes of the policy.
        after: the step with which an earlier run ended, where this one is to go on behind it, at once.
        reason: what a person wrote who escalates by hand.
        acknowledgement_of: whose acknowledgement it ended.
        replaces: the incident's escalation that is running, locked.
    """
    if replaces is not None:
        escalation_stop(
            escalation=replaces, incident=incident, actor=actor, because=Escalation.End.REPLACED, at=at, tells=False
        )
    due = step_after(plan_of(policy), after, at)
    assert due is not None, "an escalation begins before its last resort"
    by_hand = cause == Escalation.Cause.BY_HAND
    escalation = Escalation.objects.create(
        incident=incident,
        policy=policy,
        round=after.round,
        level=after.level,
        next_due_at=at if by_hand else due.at,
        cause=cause,
        by_hand=by_hand,
        reason=reason,
        started_at=at,
    )
    data = {
        "escalation": str(escalation.pk),
        "policy": policy["name"],
        "policy_id": policy["id"],
        "cause": str(cause),
        "next_step_at": (escalation.next_due_at or at).isoformat(),
    }
    data |= {"reason": reason} if reason else {}
    data |= {"acknowledgement_of": str(acknowledgement_of)} if acknowledgement_of else {}
    append_event(incident=incident, kind=EventKind.ESCALATION_STARTED, actor=actor, data=data, at=at)
    run_due_steps(incident=incident, escalation=escalation, now=at, by_hand=by_hand)
    return escalation

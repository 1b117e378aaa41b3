"""What the incident's page says about its escalation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from incidents.escalation.options import known_targets
from incidents.escalation.plan import LAST_RESORT, Due, Step, timetable
from incidents.escalation.selectors import latest_escalation, policy_for_service, responders
from incidents.escalation.targets import find_last_resort, find_people
from incidents.models import Escalation, EscalationPolicy, Incident, Responder

MOST_SHOWN = 4


@dataclass(frozen=True)
class ComingStep:
    """A step that comes unless somebody acknowledges. ``names`` of the next one are people as of now."""

    at: datetime
    names: str
    is_last_resort: bool


@dataclass(frozen=True)
class EscalationCard:
    escalation: Escalation | None
    """What runs, or ran last."""
    policy: EscalationPolicy | None
    """By which it would escalate, where nothing has run yet."""
    coming: list[ComingStep] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)

    @property
    def next_step(self) -> str:
        """What “escalate” without a name does, in words."""
        if self.coming:
            return f"The next step: {self.coming[0].names}"
        if self.escalation or self.policy:
            return "The next step of the policy"
        return "The owners and team leads"


def escalation_card(incident: Incident) -> EscalationCard:
    escalation = latest_escalation(incident)
    policy = None if escalation else policy_for_service(incident.service_id)
    return EscalationCard(escalation, policy, _coming(escalation), list(responders(incident)))


def _coming(escalation: Escalation | None) -> list[ComingStep]:
    if escalation is None or escalation.next_due_at is None:
        return []
    plan, known = escalation.plan, known_targets()
    dues = list(timetable(plan, escalation.next_due_at, escalation.position))[:MOST_SHOWN]
    # The timetable counts from the step before; the next one is due when the row says.
    shift = escalation.next_due_at - dues[0].at
    coming = []
    for number, due in enumerate(dues):
        is_last_resort = due.position.level == LAST_RESORT
        if number == 0:
            names = _people(due, plan.steps, escalation.next_due_at)
        elif is_last_resort:
            names = "owners and team leads"
        else:
            named = plan.steps[due.position.level - 1].targets
            names = ", ".join(known[target.kind].get(target.id, f"a {target.kind}") for target in named)
        coming.append(ComingStep(due.at + shift, names, is_last_resort))
    return coming


def _people(due: Due, steps: tuple[Step, ...], at: datetime) -> str:
    is_last_resort = due.position.level == LAST_RESORT
    findings = find_last_resort() if is_last_resort else find_people(steps[due.position.level - 1].targets, at)
    return ", ".join(findings.names[each] for each in (*findings.people, *findings.channels)) or "nobody"

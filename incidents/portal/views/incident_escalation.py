"""Calling people to an incident, and taking it over, on its page."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from incident_center.kernel.portal.notices import say
from incidents.actions.incident_add_responders import incident_add_responders
from incidents.actions.incident_escalate import incident_escalate
from incidents.actions.incident_take_over import incident_take_over
from incidents.models import Incident
from incidents.portal.escalation_forms import POLICY_MARK, EscalateForm, RespondersForm, chosen_target
from incidents.portal.views.incident import IncidentStep
from organizations.access import Action


class EscalateStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.ESCALATE_INCIDENTS}
    form_class = EscalateForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        kind, _, identifier = data["whom"].partition(":")
        is_policy = kind == POLICY_MARK
        incident_escalate(
            incident_id=incident.pk,
            actor=self.member.actor,
            reason=data["reason"],
            policy_id=UUID(identifier) if is_policy else None,
            to=[chosen_target(data["whom"])] if identifier and not is_policy else (),
        )
        say(self.request, f"{incident.reference} is escalated.")


class RespondersStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.ESCALATE_INCIDENTS}
    form_class = RespondersForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_add_responders(
            incident_id=incident.pk,
            actor=self.member.actor,
            to=[chosen_target(data["whom"])],
            message=data["message"],
        )
        say(self.request, "They are told, and it is theirs too.")


class TakeOverStep(IncidentStep):
    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_take_over(incident_id=incident.pk, actor=self.member.actor)
        say(self.request, f"You have {incident.reference} now.")

"""What is done with the clocks of an incident, on its page."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from incident_center.kernel.portal.notices import say
from incidents.actions.sla_assign import milestone_record, regulatory_start, sla_assign
from incidents.models import Incident
from incidents.portal.sla_forms import NO_POLICY, DutyForm, MilestoneRecordForm, PolicyChoiceForm, in_zone
from incidents.portal.views.incident import IncidentStep
from organizations.access import Action


class PolicyStep(IncidentStep):
    """Holds the incident to another service level."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.DIRECT_INCIDENTS}
    form_class = PolicyChoiceForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        self.require_direction(incident)
        policy_id = None if data["policy"] == NO_POLICY else UUID(data["policy"])
        sla_assign(incident_id=incident.pk, actor=self.member.actor, policy_id=policy_id)
        say(self.request, f"The clocks of {incident.reference} are counted anew.")


class DutyStep(IncidentStep):
    """Starts the clocks of a reporting duty."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.DIRECT_INCIDENTS}
    form_class = DutyForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        self.require_direction(incident)
        zone = self.member.organization.timezone
        regulatory_start(
            incident_id=incident.pk,
            actor=self.member.actor,
            policy_id=UUID(data["policy"]),
            aware_at=in_zone(data["aware_at"], zone),
            classified_at=in_zone(data["classified_at"], zone),
        )
        say(self.request, f"The reporting clocks of {incident.reference} run.")


class MilestoneStep(IncidentStep):
    """Records that a report was made."""

    form_class = MilestoneRecordForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        clock_id: UUID = self.kwargs["clock_id"]
        at = in_zone(data["at"], self.member.organization.timezone)
        clock = milestone_record(
            incident_id=incident.pk, clock_id=clock_id, actor=self.member.actor, evidence=data["evidence"], at=at
        )
        say(self.request, f"“{clock.name}” is recorded.")

"""Who is on call now, where it is needed: beside a service, and beside an incident."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from incidents.escalation.plan import TargetKind
from incidents.escalation.selectors import policy_for_service
from incidents.models import EscalationPolicy
from incidents.portal.schedule_reads import OnCallLine, on_call_now
from organizations import service_extensions
from organizations.models import Service


def on_call_for_service(service_id: int | None) -> Sequence[OnCallLine]:
    """The schedules that the service's escalation policy names, with whoever is on call."""
    policy = policy_for_service(service_id)
    named = _schedules_of(policy) if policy else []
    return on_call_now(timezone.now(), named) if named else []


def _schedules_of(policy: EscalationPolicy) -> list[UUID]:
    targets = [target for step in policy.steps for target in step["targets"]]
    return [UUID(target["id"]) for target in targets if target["type"] == TargetKind.SCHEDULE]


def service_panel(service: Service) -> SafeString:
    """The card on a service's page."""
    policy = policy_for_service(service.pk)
    context = {"policy": policy, "on_call": on_call_for_service(service.pk)}
    return render_to_string("incidents/_service_on_call.html", context)


def register() -> None:
    service_extensions.register_panel(service_panel)

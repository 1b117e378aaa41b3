"""Reads of policies and of what runs for an incident; in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import QuerySet

from incident_center.kernel.api.problems import NotFound
from incidents.models import EscalationPolicy, ServicePolicies


def escalation_policies() -> QuerySet[EscalationPolicy]:
    return EscalationPolicy.objects.order_by("name", "pk")


def get_escalation_policy(policy_id: UUID) -> EscalationPolicy:
    """Raises NotFound where there is none, or it is another organization's."""
    policy = EscalationPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise NotFound()
    return policy


def policies_of_services(service_keys: Collection[int]) -> Mapping[int, UUID]:
    """By a service's integer key, the policy that it names itself; those that name none are left out."""
    rows = ServicePolicies.objects.filter(service_id__in=service_keys).exclude(escalation_policy=None)
    return dict(rows.values_list("service_id", "escalation_policy_id"))


def policy_for_service(service_id: int | None) -> EscalationPolicy | None:
    """The policy by which people are told of the service's incidents: its own, or the organization's default.

    None where there is neither: then everyone who works on incidents is told at once.
    """
    if service_id is not None:
        own = ServicePolicies.objects.filter(service=service_id).exclude(escalation_policy=None)
        found = own.select_related("escalation_policy").first()
        if found is not None:
            policy: EscalationPolicy = found.escalation_policy
            return policy
    return EscalationPolicy.objects.filter(is_default=True).first()

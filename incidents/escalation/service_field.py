"""A service's escalation policy, as a setting among those of the service."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from rest_framework import serializers

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.escalation.selectors import escalation_policies, policies_of_services
from incidents.models import EscalationPolicy, ServicePolicies
from organizations.models import Service
from organizations.service_extensions import ServiceField, register

NAME = "escalation_policy"


def register_service_field() -> None:
    register(
        ServiceField(
            name=NAME,
            label="Escalation policy",
            serializer_field=_serializer_field,
            form_field=_form_field,
            read=policies_of_services,
            write=service_set_escalation_policy,
        )
    )


def service_set_escalation_policy(service: Service, policy_id: UUID | None, actor: Actor) -> None:
    """Gives the service a policy of its own, or, with None, the organization's default. What runs goes on as it began.

    Raises:
        InvalidInput: there is no such policy.
    """
    if policy_id is not None and not EscalationPolicy.objects.filter(pk=policy_id).exists():
        raise InvalidInput(NAME, "There is no such escalation policy.")
    own = ServicePolicies.objects.filter(service=service).first()
    if own is None and policy_id is not None:
        ServicePolicies.objects.create(service=service, escalation_policy_id=policy_id)
    elif own is not None and own.escalation_policy_id != policy_id:
        own.escalation_policy_id = policy_id
        own.save()


def _serializer_field() -> serializers.Field[Any, Any, Any, Any]:
    return serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="An escalation policy's id; null is the organization's default.",
    )


def _form_field() -> forms.Field:
    policies = list(escalation_policies())
    default = next((policy.name for policy in policies if policy.is_default), "")
    nothing = f"The default ({default})" if default else "None: everyone is told at once"
    return forms.TypedChoiceField(
        label="Escalation policy",
        choices=[("", nothing), *((str(policy.pk), policy.name) for policy in policies)],
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text="Who is told of its incidents, and in which order.",
    )

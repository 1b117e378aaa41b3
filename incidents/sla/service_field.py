"""The SLA policy of a service, on the services API and page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from rest_framework import serializers

from incident_center.kernel.scope import Actor
from incidents.actions.sla_policies import service_sla_set
from incidents.models import SlaPolicy
from incidents.sla.selectors import policies_by_service
from organizations.models import Service
from organizations.service_extensions import ServiceField, register

NAME = "sla_policy"


def register_service_field() -> None:
    register(
        ServiceField(
            name=NAME,
            label="SLA policy",
            serializer_field=_serializer_field,
            form_field=_form_field,
            read=lambda service_ids: policies_by_service(list(service_ids)),
            write=_write,
        )
    )


def _write(service: Service, policy_id: UUID | None, actor: Actor) -> None:
    service_sla_set(service=service, policy_id=policy_id, actor=actor)


def _serializer_field() -> Any:
    return serializers.UUIDField(
        required=False, allow_null=True, help_text="An SLA policy of the kind service; null for the default."
    )


def _form_field() -> Any:
    policies = SlaPolicy.objects.filter(kind=SlaPolicy.Kind.SERVICE, removed_at=None).order_by("name")
    choices = [("", "The default"), *((str(policy.pk), policy.name) for policy in policies)]
    return forms.TypedChoiceField(
        label="SLA policy",
        choices=choices,
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text="For incidents from now on.",
    )

"""The shapes of escalation. What steps and urgency may say, ``incidents.escalation.definition`` knows."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from incident_center.kernel.api.documents import (
    TIME_OF_DAY,
    UUID,
    DocumentField,
    document,
    list_of,
    one_of,
    text,
    whole_number,
)
from incidents.actions.incident_add_responders import LONGEST_MESSAGE
from incidents.api.serializers import StrictSerializer
from incidents.escalation.definition import LONGEST_DELAY_MINUTES, MOST_STEPS, MOST_TARGETS, read_recipients
from incidents.escalation.plan import Target, TargetKind
from incidents.lifecycle import Severity
from incidents.models import Escalation, EscalationPolicy, EscalationStepRun, Responder

LONGEST_REASON = 2_000
TARGET = document({"type": one_of(TargetKind), "id": UUID}, required=("type", "id"))
STEPS = list_of(
    document(
        {
            "delay_minutes": whole_number(0, LONGEST_DELAY_MINUTES),
            "targets": list_of(TARGET, least=1, most=MOST_TARGETS),
        },
        required=("targets",),
    ),
    least=1,
    most=MOST_STEPS,
)
URGENCY = document(
    {
        "always_high": list_of(one_of(Severity)),
        "high_in_hours": list_of(one_of(Severity)),
        "hours": document(
            {
                "timezone": text(64),
                "days": list_of(whole_number(1, 7), least=1),
                "from": TIME_OF_DAY,
                "to": TIME_OF_DAY,
            },
            required=("timezone", "days", "from", "to"),
        )
        | {"nullable": True},
    }
)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "format": "uuid"},
            {"type": "array", "items": {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "object"}]}},
        ]
    }
)
class RecipientsField(serializers.Field[Any, Any, Any, Any]):
    """A user's id, or a list of user ids and targets: ``{"type": "schedule", "id": "…"}``."""

    def to_internal_value(self, data: Any) -> list[Target]:
        targets, faults = read_recipients(data)
        if faults:
            raise serializers.ValidationError([message for _, message in faults])
        return targets

    def to_representation(self, value: Any) -> Any:
        return value


class EscalationPolicySerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True)
    steps = DocumentField(
        schema=STEPS,
        help_text='[{"delay_minutes": 5, "targets": [{"type": "user|schedule|team|channel", "id": "…"}]}]; the delay'
        " is counted from the step before.",
    )
    repeat_count = serializers.IntegerField(required=False, help_text="How often all steps are gone through again.")
    repeat_delay_minutes = serializers.IntegerField(
        required=False, help_text="After the last step of a round; then the next round, or the last resort."
    )
    acknowledgement_timeout_minutes = serializers.IntegerField(
        required=False, allow_null=True, help_text="An acknowledgement without any act for so long lapses."
    )
    urgency = DocumentField(
        schema=URGENCY,
        required=False,
        help_text='{"always_high": ["critical"], "high_in_hours": ["medium"], "hours": {"timezone", "days": [1, …],'
        ' "from": "08:00", "to": "18:00"}}; other severities are of low urgency.',
    )
    is_default = serializers.BooleanField(required=False, help_text="For services that name no policy.")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if name not in ("id", "created_at", "updated_at")}
        return super().to_internal_value(data)

    def to_representation(self, instance: EscalationPolicy) -> dict[str, Any]:
        return dict(super().to_representation(instance))


class StepRunSerializer(serializers.Serializer[EscalationStepRun]):
    round = serializers.IntegerField()
    level = serializers.IntegerField(help_text="The step's number; 0 is the last resort.")
    due_at = serializers.DateTimeField()
    at = serializers.DateTimeField()
    urgency = serializers.ChoiceField(choices=["high", "low"])
    people = serializers.ListField(child=serializers.UUIDField())
    channels = serializers.ListField(child=serializers.UUIDField())
    targets = serializers.JSONField(help_text="What became of each target: its people, who was left out, and why.")


class EscalationSerializer(serializers.Serializer[Escalation]):
    id = serializers.UUIDField()
    incident = serializers.UUIDField(source="incident_id")
    incident_reference = serializers.CharField(source="incident.reference")
    policy = serializers.JSONField(help_text="As it was at the start; its id is null for named people.")
    state = serializers.ChoiceField(choices=Escalation.State.choices)
    cause = serializers.ChoiceField(choices=Escalation.Cause.choices)
    by_hand = serializers.BooleanField()
    reason = serializers.CharField()
    round = serializers.IntegerField()
    level = serializers.IntegerField(help_text="The step that ran last; 0 before the first.")
    next_step_at = serializers.DateTimeField(source="next_due_at", allow_null=True)
    acknowledgement_expires_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField()
    stopped_at = serializers.DateTimeField(allow_null=True)
    stopped_by = serializers.CharField(help_text="acknowledged, resolved, replaced, exhausted, …")
    steps = StepRunSerializer(source="step_runs", many=True, help_text="The steps that ran.")


class EscalateSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=LONGEST_REASON)
    policy = serializers.UUIDField(required=False, allow_null=True)
    to = RecipientsField(required=False, allow_null=True, help_text="A user's id, or a list of user ids and targets.")


class EscalationCreateSerializer(EscalateSerializer):
    incident = serializers.CharField(max_length=50, help_text="Its id, or INC-42.")


class AddRespondersSerializer(StrictSerializer):
    to = RecipientsField(help_text="A user's id, or a list of user ids and targets.")
    message = serializers.CharField(max_length=LONGEST_MESSAGE, allow_blank=True, default="")


class ResponderSerializer(serializers.Serializer[Responder]):
    user = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user.name")
    added_at = serializers.DateTimeField()
    added_by = serializers.CharField()

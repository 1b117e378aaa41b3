"""The shape of a detection rule. What match and parameters may say, ``detection.rules.definition`` knows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from detection.models import DetectionRule, Grouping
from detection.rules.definition import KINDS, LONGEST_WINDOW_SECONDS, MOST_LOGS, PLANNED_KINDS
from incident_center.kernel.api.documents import DocumentField, document, one_of, whole_number
from incidents.lifecycle import Severity
from ingestion.levels import Level
from ingestion.search_syntax import MOST_METADATA_FILTERS

MATCH = document(
    {
        "min_level": one_of(level.name for level in Level),
        "q": {"type": "string"},
        "metadata": {"type": "object", "additionalProperties": {}, "maxProperties": MOST_METADATA_FILTERS},
    }
)
PARAMETERS = document({"count": whole_number(0, MOST_LOGS), "window_seconds": whole_number(1, LONGEST_WINDOW_SECONDS)})


class RuleSerializer(serializers.Serializer[DetectionRule]):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=200)
    # Kinds to come are let through to the action, which says that they are not available.
    kind = serializers.ChoiceField(choices=[*KINDS, *PLANNED_KINDS], help_text="threshold; more kinds will follow.")
    enabled = serializers.BooleanField(required=False)
    service = serializers.UUIDField(
        source="service.public_id", required=False, allow_null=True, help_text="A service's id; null is every service."
    )
    service_name = serializers.CharField(source="service.name", read_only=True, allow_null=True, default=None)
    environment = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Empty is every environment."
    )
    match = DocumentField(schema=MATCH, required=False, help_text='{"min_level": "ERROR", "q": "…", "metadata": {}}')
    parameters = DocumentField(schema=PARAMETERS, required=False, help_text='{"count": 5, "window_seconds": 60}')
    severity = serializers.ChoiceField(choices=[severity.value for severity in Severity])
    group_by = serializers.ChoiceField(choices=Grouping.choices, required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            read_only = {name for name, field in self.fields.items() if field.read_only}
            unknown = sorted(str(name) for name in data.keys() - self.fields.keys())
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(unknown, "A rule has no such field."))
            data = {name: value for name, value in data.items() if name not in read_only}
        values = super().to_internal_value(data)
        if "service" in values:  # DRF nests what ``source`` names.
            values["service"] = values["service"]["public_id"]
        if values.get("environment", "") is None:
            values["environment"] = ""
        return values

    def to_representation(self, instance: DetectionRule) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown.setdefault("service", None)
        return shown

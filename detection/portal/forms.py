"""The form of a threshold rule: the same fields as the API's, one sentence to read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from detection.actions.rules import RuleFields
from detection.models import DetectionRule
from detection.rules.definition import LONGEST_WINDOW_SECONDS, MOST_LOGS
from incidents.lifecycle import Severity
from incidents.portal.forms import service_choices
from ingestion.levels import Level

METADATA_HELP = "One key=value a line; all of them have to be in the log's metadata, such as region=eu-1."


class RuleForm(forms.Form):
    """Its field names are those that the faults of ``detection.rules.definition`` speak of, after
    ``FIELDS``.
    """

    #: Where a fault of the stored form is shown.
    FIELDS = {
        "match.min_level": "min_level",
        "match.q": "q",
        "match.metadata": "metadata",
        "parameters.count": "count",
        "parameters.window_seconds": "window_seconds",
    }

    name = forms.CharField(max_length=200)
    enabled = forms.BooleanField(required=False, initial=True, label="In force")
    min_level = forms.ChoiceField(
        label="Logs of level", choices=[(level.name, f"{level.name} and above") for level in reversed(Level)]
    )
    count = forms.IntegerField(label="More than this many", min_value=0, max_value=MOST_LOGS)
    window_seconds = forms.IntegerField(
        label="Within seconds", min_value=1, max_value=LONGEST_WINDOW_SECONDS, help_text="60 is a minute."
    )
    q = forms.CharField(
        label="With these words",
        required=False,
        max_length=1_000,
        help_text="Words and “phrases in quotes” that the message must hold; -word must not be in it.",
    )
    metadata = forms.CharField(
        label="With this metadata", required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=METADATA_HELP
    )
    service = forms.ChoiceField(required=False)
    environment = forms.CharField(required=False, max_length=100, help_text="Empty: every environment.")
    severity = forms.ChoiceField(
        label="Severity of the incident", choices=[(severity.value, severity.label) for severity in Severity]
    )

    def __init__(self, *arguments: Any, rule: DetectionRule, **keywords: Any) -> None:
        metadata = rule.match.get("metadata", {})
        keywords.setdefault(
            "initial",
            {
                "name": rule.name,
                "enabled": rule.enabled,
                "min_level": rule.match["min_level"],
                "q": rule.match.get("q", ""),
                "metadata": "\n".join(f"{key}={value}" for key, value in metadata.items()),
                "count": rule.parameters["count"],
                "window_seconds": rule.parameters["window_seconds"],
                "service": str(rule.service.public_id) if rule.service else "",
                "environment": rule.environment,
                "severity": rule.severity,
            },
        )
        super().__init__(*arguments, **keywords)
        choices = service_choices(empty="Every service")
        if rule.service and rule.service.retired_at is not None:
            choices.append((str(rule.service.public_id), f"{rule.service}, retired"))
        self.fields["service"].choices = choices  # type: ignore[attr-defined]

    def clean_metadata(self) -> dict[str, str]:
        pairs: dict[str, str] = {}
        for line in self.cleaned_data["metadata"].splitlines():
            key, separator, value = line.partition("=")
            if not line.strip():
                continue
            if not separator or not key.strip():
                raise forms.ValidationError(f"“{line.strip()[:60]}” is not written key=value.")
            pairs[key.strip()] = value.strip()
        return pairs

    def rule_fields(self) -> RuleFields:
        """What was filled in, as the actions take it."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "enabled": data["enabled"],
            "match": {"min_level": data["min_level"], "q": data["q"], "metadata": data["metadata"]},
            "parameters": {"count": data["count"], "window_seconds": data["window_seconds"]},
            "service": UUID(data["service"]) if data["service"] else None,
            "environment": data["environment"],
            "severity": data["severity"],
        }

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            name = self.FIELDS.get(fault["field"], fault["field"])
            if name.startswith("match.metadata"):
                name = "metadata"
            self.add_error(name if name in self.fields else None, fault["message"])

"""The forms of the alert mapping and of heartbeats: the API's fields, as a person fills them in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from detection.actions.alert_mapping import MappingFields
from detection.actions.heartbeats import HeartbeatFields
from detection.models import AlertMapping, Heartbeat
from incidents.lifecycle import Severity
from incidents.portal.forms import service_choices

SEVERITIES = [(severity.value, severity.label) for severity in Severity]
LABELS_HELP = "One a line; the first that an alert has, and that is not empty, counts."


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **options: Any) -> None:
        rows = options.pop("rows", 4)
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class PairsField(LinesField):
    """A mapping, one ``word = meaning`` a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{word} = {meaning}" for word, meaning in value.items()) if isinstance(value, dict) else value

    def clean(self, value: Any) -> Any:
        pairs: dict[str, str] = {}
        for line in super().clean(value):
            word, separator, meaning = line.rpartition("=")
            if not separator or not word.strip() or not meaning.strip():
                raise forms.ValidationError(f"“{line[:60]}” is not written word = meaning.")
            pairs[word.strip()] = meaning.strip()
        return pairs


class AlertMappingForm(forms.Form):
    service_labels = LinesField(label="Labels that name the service", help_text=LABELS_HELP, rows=6)
    services = PairsField(
        label="Other names of services",
        help_text="What a sender says = the service here, such as api-gw-7 = gateway. Others are taken by their name.",
    )
    creates_services = forms.BooleanField(
        required=False, label="Make services that nobody knows", help_text="Up to 500; without this they have none."
    )
    environment_labels = LinesField(label="Labels that name the environment", help_text=LABELS_HELP)
    default_environment = forms.CharField(max_length=100, label="Environment where none is named")
    severity_labels = LinesField(label="Labels that name the severity", help_text=LABELS_HELP, rows=3)
    severities = PairsField(
        label="What their words mean", help_text="A sender's word = critical, high, medium or low.", rows=10
    )
    default_severity = forms.ChoiceField(choices=SEVERITIES, label="Severity where none is named")
    group_by = LinesField(
        label="Labels that make one incident", help_text="Of alerts that Prometheus sends straight here.", rows=3
    )
    rejoin_minutes = forms.IntegerField(
        min_value=0, label="Reopen within minutes", help_text="What fires again this soon reopens its incident."
    )
    storm_problems = forms.IntegerField(
        min_value=1,
        label="A storm begins after",
        help_text="So many new problems within a minute; one incident takes the rest, and lists them all.",
    )

    def __init__(self, *arguments: Any, rule: AlertMapping, **keywords: Any) -> None:
        keywords.setdefault("initial", {name: getattr(rule, name) for name in self.base_fields})
        super().__init__(*arguments, **keywords)

    def changes(self) -> MappingFields:
        return self.cleaned_data  # type: ignore[return-value]

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            name = fault["field"].partition(".")[0]
            self.add_error(name if name in self.fields else None, fault["message"])


class HeartbeatForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="What reports: Nightly backup of db1.")
    period_seconds = forms.IntegerField(
        min_value=1, label="Expected every, in seconds", help_text="3600 is an hour, 86400 a day."
    )
    grace_seconds = forms.IntegerField(
        min_value=0, label="Late after so many more seconds", help_text="As long as the job may take, and some."
    )
    service = forms.ChoiceField(required=False)
    severity = forms.ChoiceField(choices=SEVERITIES, label="Severity of the incident")
    enabled = forms.BooleanField(required=False, label="In force")

    def __init__(self, *arguments: Any, heartbeat: Heartbeat, **keywords: Any) -> None:
        initial = {
            "name": heartbeat.name,
            "period_seconds": heartbeat.period_seconds,
            "grace_seconds": heartbeat.grace_seconds,
            "service": str(heartbeat.service.public_id) if heartbeat.service else "",
            "severity": heartbeat.severity,
            "enabled": heartbeat.enabled,
        }
        keywords.setdefault("initial", initial)
        super().__init__(*arguments, **keywords)
        choices = service_choices(empty="No service")
        if heartbeat.service and heartbeat.service.retired_at is not None:
            choices.append((str(heartbeat.service.public_id), f"{heartbeat.service}, retired"))
        self.fields["service"].choices = choices  # type: ignore[attr-defined]

    def changes(self) -> HeartbeatFields:
        data = self.cleaned_data
        return {
            "name": data["name"],
            "period_seconds": data["period_seconds"],
            "grace_seconds": data["grace_seconds"],
            "service": UUID(data["service"]) if data["service"] else None,
            "severity": data["severity"],
            "enabled": data["enabled"],
        }

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            self.add_error(fault["field"] if fault["field"] in self.fields else None, fault["message"])

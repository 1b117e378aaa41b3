"""The form of silences and maintenance windows: the API's fields, as a person fills them in."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from detection.actions.silences import LONGEST_REASON, SilenceFields
from detection.models import Silence, SilenceKind
from detection.portal.alert_forms import SEVERITIES, PairsField
from incidents.portal.forms import responder_choices
from incidents.portal.schedule_forms import WEEKDAY_CHOICES, LocalTimeField
from organizations.selectors import services

#: What only silences ask for; a maintenance window is for whole services and environments.
NARROW = ("severities", "title", "labels", "alert_labels", "dedup_key")
#: Where a fault of the stored form is shown.
FIELDS = {"matchers": "services", "recurrence": "hours_from"}


class SilenceForm(forms.Form):
    reason = forms.CharField(
        max_length=LONGEST_REASON, help_text="What is going on: “Database upgrade”. Everybody reads it."
    )
    kind = forms.ChoiceField(
        choices=SilenceKind.choices,
        widget=forms.RadioSelect,
        help_text="A maintenance window is for whole services or environments.",
    )
    services = forms.MultipleChoiceField(required=False, help_text="None chosen: any.")
    environments = forms.CharField(required=False, help_text="Such as staging, test; with commas between. Empty: any.")
    severities = forms.MultipleChoiceField(
        required=False, choices=SEVERITIES, widget=forms.CheckboxSelectMultiple, help_text="None ticked: any."
    )
    title = forms.CharField(required=False, label="Words in the title", help_text="All of them have to be in it.")
    labels = forms.CharField(required=False, label="Labels of the incident", help_text="With commas between; all.")
    alert_labels = PairsField(
        label="Labels of the alerts",
        rows=2,
        help_text="One name = value a line, such as job = backup. An alert without them wakes people all the same.",
    )
    dedup_key = forms.CharField(
        required=False, label="Deduplication key", help_text="Of the problem; a * at its end stands for any ending."
    )
    time_zone = forms.ChoiceField(choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())])
    days = forms.MultipleChoiceField(
        required=False,
        label="Only on",
        choices=WEEKDAY_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        help_text="Counts where hours are given; none ticked: every day.",
    )
    hours_from = forms.TimeField(
        required=False,
        label="Only from",
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text="Empty: all the time between start and end. With hours it may go on for a year.",
    )
    hours_until = forms.TimeField(
        required=False, label="Only until", widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    owner = forms.ChoiceField(help_text="Hears at the end what was muted.")

    def __init__(self, data: Any = None, *, silence: Silence) -> None:
        super().__init__(data, initial=_initial(silence))
        zone = _zone(data.get("time_zone") if data is not None else silence.time_zone)
        self.fields["starts_at"] = LocalTimeField(zone=zone, label="Starts")
        self.fields["ends_at"] = LocalTimeField(zone=zone, label="Ends", help_text="At most 30 days later.")
        self.fields["services"].choices = [(str(each.public_id), str(each)) for each in services()]  # type: ignore[attr-defined]
        owners = responder_choices()
        if str(silence.owner_id) not in dict(owners):
            owners.append((str(silence.owner_id), f"{silence.owner}, who left"))
        self.fields["owner"].choices = owners  # type: ignore[attr-defined]
        if silence.reason:
            del self.fields["kind"]
        if silence.reason and silence.kind == SilenceKind.MAINTENANCE:
            for name in NARROW:
                del self.fields[name]
        self.order_fields([*_ORDER])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if bool(values.get("hours_from")) != bool(values.get("hours_until")):
            self.add_error("hours_until", "Write both hours, or none.")
        return values

    def changes(self) -> SilenceFields:
        data = self.cleaned_data
        recurrence = None
        if data["hours_from"]:
            hours = {"from": f"{data['hours_from']:%H:%M}", "until": f"{data['hours_until']:%H:%M}"}
            recurrence = {"days": data["days"], **hours}
        return {
            "reason": data["reason"],
            "owner": UUID(data["owner"]),
            "matchers": {
                "services": [UUID(each) for each in data["services"]],
                "environments": data["environments"].split(","),
                "severities": data.get("severities", ()),
                "title": data.get("title", ""),
                "labels": data.get("labels", "").split(","),
                "alert_labels": data.get("alert_labels", {}),
                "dedup_key": data.get("dedup_key", ""),
            },
            "starts_at": data["starts_at"],
            "ends_at": data["ends_at"],
            "time_zone": data["time_zone"],
            "recurrence": recurrence,
        }

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            name = FIELDS.get(fault["field"], fault["field"].rpartition(".")[2])
            self.add_error(name if name in self.fields else None, fault["message"])


_ORDER = (
    "reason", "kind", "services", "environments", "severities", "title", "labels", "alert_labels", "dedup_key",
    "starts_at", "ends_at", "time_zone", "hours_from", "hours_until", "days", "owner",
)  # fmt: skip


def blank_silence(kind: str, owner: Any, zone: str) -> Silence:
    """What the form of a new one begins with: from now on for an hour."""
    now = timezone.now().replace(second=0, microsecond=0)
    known = kind if kind in SilenceKind.values else SilenceKind.SILENCE
    return Silence(kind=known, reason="", owner=owner, time_zone=zone, starts_at=now, ends_at=now + timedelta(hours=1))


def _initial(silence: Silence) -> dict[str, Any]:
    matchers, recurrence = silence.matchers or {}, silence.recurrence or {}
    return {
        "reason": silence.reason,
        "kind": silence.kind,
        **matchers,
        "environments": ", ".join(matchers.get("environments", ())),
        "labels": ", ".join(matchers.get("labels", ())),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "time_zone": silence.time_zone,
        "days": recurrence.get("days", ()),
        "hours_from": recurrence.get("from"),
        "hours_until": recurrence.get("until"),
        "owner": str(silence.owner_id),
    }


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")

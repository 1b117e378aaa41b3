"""The forms of service levels: policies, calendars, and what is done with the clocks of an incident."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from incidents.actions.business_calendars import WEEKDAYS
from incidents.actions.sla_assign import LONGEST_EVIDENCE
from incidents.lifecycle import Priority
from incidents.models import BusinessCalendar, SlaPolicy
from incidents.models.sla import PAUSABLE
from incidents.sla import regulatory
from incidents.sla.holiday_calendar import countries
from incidents.sla.targets import DEFAULT_TARGETS, RESOLUTION, RESPONSE, minutes_in_words, parse_minutes

NO_POLICY = "none"
AROUND_THE_CLOCK = [("", "Around the clock")]
_WINDOW = re.compile(r"\s*(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})\s*")
_MOST_MILESTONES = 20
_BLANK_MILESTONES = 2


def policies_of_kind(kind: SlaPolicy.Kind) -> list[tuple[str, str]]:
    policies = SlaPolicy.objects.filter(kind=kind, removed_at=None).order_by("-is_default", "name")
    return [(str(policy.pk), policy.name) for policy in policies]


def in_zone(moment: datetime | None, zone: str) -> datetime | None:
    """What somebody typed into a field without a zone, as they meant it."""
    return None if moment is None else moment.replace(tzinfo=ZoneInfo(zone))


class LocalDateTimeField(forms.DateTimeField):
    """A time of a zone that the view knows; left without one here."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")
    input_formats = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        return None if moment is None else moment.replace(tzinfo=None)


# ---- On an incident ------------------------------------------------------------------------------------------------


class PolicyChoiceForm(forms.Form):
    policy = forms.ChoiceField()

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        choices = [*policies_of_kind(SlaPolicy.Kind.SERVICE), (NO_POLICY, "None: nothing is promised")]
        self.fields["policy"].choices = choices  # type: ignore[attr-defined]


class DutyForm(forms.Form):
    """Marks an incident as one that must be reported."""

    policy = forms.ChoiceField(label="Under which duty?")
    aware_at = LocalDateTimeField(
        label="When did you become aware of it?", required=False, help_text="Empty: when the incident was opened here."
    )
    classified_at = LocalDateTimeField(
        label="When was it classified as reportable?",
        required=False,
        help_text="Empty: now. Some duties, such as DORA, count from it.",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["policy"].choices = policies_of_kind(SlaPolicy.Kind.REGULATORY)  # type: ignore[attr-defined]

    @property
    def has_duties(self) -> bool:
        return bool(self.fields["policy"].choices)  # type: ignore[attr-defined]


class MilestoneRecordForm(forms.Form):
    evidence = forms.CharField(max_length=LONGEST_EVIDENCE, widget=forms.Textarea(attrs={"rows": 4}))
    at = LocalDateTimeField(required=False)


# ---- Policies ------------------------------------------------------------------------------------------------------


class DurationField(forms.CharField):
    """``15 min``, ``4 h`` or ``1 d 12 h``, in minutes; empty for no promise."""

    def __init__(self, **keywords: Any) -> None:
        attributes = {"placeholder": "no promise", "autocomplete": "off"}
        super().__init__(required=False, max_length=40, widget=forms.TextInput(attrs=attributes), **keywords)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_minutes(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class SlaPolicyForm(forms.Form):
    """A service level: its two targets for each priority are fields named ``P1_response_minutes`` and so on."""

    name = forms.CharField(max_length=100)
    description = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))
    calendar = forms.ChoiceField(
        label="Counts", required=False, help_text="Outside of a calendar's hours the clocks stand still."
    )
    pause_while = forms.MultipleChoiceField(
        label="The resolution clock stands still while an incident is",
        required=False,
        choices=[(status.value, status.label.lower()) for status in PAUSABLE],
        widget=forms.CheckboxSelectMultiple,
    )
    warn_percent = forms.IntegerField(
        label="Warn when this share of a target is used up", min_value=1, max_value=99, initial=75, help_text="Percent."
    )
    is_default = forms.BooleanField(required=False, label="For every service that has no policy of its own")

    def __init__(self, *arguments: Any, policy: SlaPolicy | None = None, **keywords: Any) -> None:
        targets = policy.targets if policy else DEFAULT_TARGETS
        initial: dict[str, Any] = {"pause_while": ["mitigated"]}
        if policy:
            initial = {name: getattr(policy, name) for name in ("name", "description", "pause_while", "warn_percent")}
            initial |= {"is_default": policy.is_default, "calendar": str(policy.calendar_id or "")}
        for priority in Priority:
            for field in (RESPONSE, RESOLUTION):
                minutes = targets.get(priority, {}).get(field)
                initial[f"{priority}_{field}"] = minutes_in_words(minutes) if minutes else ""
        keywords.setdefault("initial", initial)
        super().__init__(*arguments, **keywords)
        for priority in Priority:
            for field, word in ((RESPONSE, "respond"), (RESOLUTION, "resolve")):
                self.fields[f"{priority}_{field}"] = DurationField(label=f"{priority}: {word} within")
        calendars = [(str(one.pk), one.name) for one in BusinessCalendar.objects.order_by("name")]
        self.fields["calendar"].choices = AROUND_THE_CLOCK + calendars  # type: ignore[attr-defined]
        if policy and policy.is_default:
            self.fields["is_default"].disabled = True
            self.fields["is_default"].help_text = "Make another policy the default, then this one no longer is."

    def target_rows(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        return [(priority, self[f"{priority}_{RESPONSE}"], self[f"{priority}_{RESOLUTION}"]) for priority in Priority]

    def plain_fields(self) -> list[forms.BoundField]:
        """All but the targets, which stand in a table."""
        return [self[name] for name in ("calendar", "pause_while", "warn_percent", "is_default")]

    def policy_fields(self) -> dict[str, Any]:
        """What was filled in, as the actions take it."""
        data = self.cleaned_data
        targets = {
            priority.value: {field: data[f"{priority}_{field}"] for field in (RESPONSE, RESOLUTION)}
            for priority in Priority
        }
        fields = {name: data[name] for name in ("name", "description", "pause_while", "warn_percent", "is_default")}
        calendar = UUID(data["calendar"]) if data["calendar"] else None
        return {**fields, "kind": SlaPolicy.Kind.SERVICE, "targets": targets, "calendar": calendar}

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            name = fault["field"].removeprefix("targets.").replace(".", "_")
            self.add_error(name if name in self.fields else None, fault["message"])


class DutyPolicyForm(forms.Form):
    """A reporting duty; its reports are a formset beside it."""

    name = forms.CharField(max_length=100)
    description = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))
    source = forms.CharField(
        label="Where it comes from", required=False, max_length=300, help_text="The law with its article."
    )
    warn_percent = forms.IntegerField(
        label="Warn when this share of the time is used up", min_value=1, max_value=99, initial=75, help_text="Percent."
    )

    def policy_fields(self, milestones: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self.cleaned_data, "kind": SlaPolicy.Kind.REGULATORY, "milestones": milestones}


class MilestoneForm(forms.Form):
    """One report: due so long after awareness, classification, or the report before it."""

    name = forms.CharField(label="Report", max_length=100, required=False)
    amount = forms.IntegerField(label="Due after", min_value=1, max_value=10_000, required=False)
    unit = forms.ChoiceField(choices=[(unit, unit) for unit in regulatory.UNITS], required=False)
    after = forms.CharField(
        label="Counted from",
        max_length=100,
        required=False,
        help_text="awareness, classification, or the name of a report above.",
    )
    latest_hours_after_awareness = forms.IntegerField(
        label="At the latest, hours after awareness", min_value=1, max_value=10_000, required=False
    )
    citation = forms.CharField(label="Article", max_length=300, required=False)


MilestoneFormSet = forms.formset_factory(
    MilestoneForm, extra=_BLANK_MILESTONES, max_num=_MOST_MILESTONES, validate_max=True
)


def milestones_of(rows: Any) -> list[dict[str, Any]]:
    """The rows that have a name; taking the name away takes the report away."""
    filled = [row.cleaned_data for row in rows if row.cleaned_data.get("name")]
    return [
        {
            "name": row["name"],
            "amount": row.get("amount"),
            "unit": row.get("unit") or "hours",
            "after": row.get("after") or regulatory.AWARENESS,
            "latest_hours_after_awareness": row.get("latest_hours_after_awareness"),
            "citation": row.get("citation", ""),
        }
        for row in filled
    ]


# ---- Calendars -----------------------------------------------------------------------------------------------------


class CalendarForm(forms.Form):
    """Business hours; the days are fields named ``day_0`` (Monday) to ``day_6``."""

    name = forms.CharField(max_length=100)
    timezone = forms.ChoiceField(label="Time zone", choices=[(zone, zone) for zone in sorted(available_timezones())])
    country = forms.ChoiceField(
        label="Public holidays of",
        required=False,
        choices=[("", "No country"), *((code, code) for code in countries())],
        help_text="The country's code; no clock counts on its public holidays.",
    )
    subdivision = forms.CharField(
        label="Part of the country", required=False, max_length=20, help_text="Its code, such as BY in DE or CA in US."
    )
    extra_holidays = forms.CharField(
        label="Other days off",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "2026-12-24 Christmas Eve"}),
        help_text="One day a line, with its date and what it is.",
    )

    def __init__(self, *arguments: Any, calendar: BusinessCalendar | None = None, zone: str, **keywords: Any) -> None:
        week = calendar.week if calendar else [[["09:00", "17:00"]]] * 5 + [[], []]
        initial: dict[str, Any] = {"timezone": zone}
        if calendar:
            initial = {name: getattr(calendar, name) for name in ("name", "timezone", "country", "subdivision")}
            lines = [f"{one['date']} {one.get('name', '')}".strip() for one in calendar.extra_holidays]
            initial["extra_holidays"] = "\n".join(lines)
        for number, windows in enumerate(week):
            initial[f"day_{number}"] = ", ".join(f"{opens}–{closes}" for opens, closes in windows)
        keywords.setdefault("initial", initial)
        super().__init__(*arguments, **keywords)
        for number, day in enumerate(WEEKDAYS):
            attributes = {"placeholder": "closed"}
            self.fields[f"day_{number}"] = forms.CharField(
                label=day, required=False, max_length=200, widget=forms.TextInput(attrs=attributes)
            )
        self.order_fields(["name", "timezone", *(f"day_{number}" for number in range(len(WEEKDAYS)))])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        week = []
        for number in range(len(WEEKDAYS)):
            try:
                week.append(_windows(data.get(f"day_{number}", "")))
            except ValueError as error:
                self.add_error(f"day_{number}", str(error))
        data["week"] = week
        return data

    def clean_extra_holidays(self) -> list[dict[str, str]]:
        days = []
        for line in self.cleaned_data["extra_holidays"].splitlines():
            if not line.strip():
                continue
            day, _, name = line.strip().partition(" ")
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise forms.ValidationError(f"“{line.strip()[:60]}” does not begin with a date.") from error
            days.append({"date": day, "name": name.strip()})
        return days

    def calendar_fields(self) -> dict[str, Any]:
        names = ("name", "timezone", "country", "subdivision", "extra_holidays", "week")
        return {name: self.cleaned_data[name] for name in names}

    def add_faults(self, faults: list[dict[str, str]]) -> None:
        for fault in faults:
            self.add_error(fault["field"] if fault["field"] in self.fields else None, fault["message"])


def _windows(text: str) -> list[list[str]]:
    """``09:00–12:00, 13:00–17:00`` as the calendar keeps it.

    Raises:
        ValueError: says how hours are written.
    """
    windows = []
    for part in filter(str.strip, text.split(",")):
        match = _WINDOW.fullmatch(part)
        if match is None:
            raise ValueError("Write hours such as 09:00–12:00, 13:00–17:00, or nothing for a closed day.")
        windows.append([moment.zfill(5) for moment in match.groups()])
    return windows

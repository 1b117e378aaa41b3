"""Forms of on-call schedules. Times are read as the clock of the schedule's time zone shows them."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.forms.boundfield import BoundField

from incident_center.kernel.api.problems import Problem
from incidents.actions.schedule_layers import LayerFields
from incidents.models import ScheduleLayer
from incidents.models.schedule import LONGEST_NAME, LONGEST_REASON, MOST_PARTICIPANTS
from incidents.schedules.restrictions import MOST_RESTRICTIONS, WEEKDAYS
from incidents.schedules.rotation import Rotation, Unit
from incidents.schedules.selectors import person_names, responders
from incidents.schedules.wall_clock import on_the_clock

LOCAL_FORMAT = "%Y-%m-%dT%H:%M"
WEEKDAY_CHOICES = [(name, name.capitalize()) for name in WEEKDAYS]
SPARE_TURNS, FEWEST_TURNS = 2, 4
SPARE_WINDOWS, FEWEST_WINDOWS = 1, 2
WORKDAYS, WEEKEND = WEEKDAYS[:5], WEEKDAYS[5:]


class LocalTimeField(forms.DateTimeField):
    """A date and a time on the clock of ``zone``; one that the clock skips is the moment of the jump."""

    def __init__(self, *, zone: ZoneInfo, **keywords: Any) -> None:
        self.zone = zone
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_FORMAT)
        super().__init__(widget=widget, **keywords)

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(self.zone).replace(tzinfo=None) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:  # type: ignore[override]
        if value in self.empty_values:
            return None
        try:
            local = datetime.fromisoformat(str(value).strip())
            return on_the_clock(local.replace(tzinfo=None, microsecond=0), self.zone)
        except (ValueError, OverflowError):
            raise forms.ValidationError("Write a date and a time such as 2026-11-21 09:00.") from None


def person_choices(empty: str = "") -> list[tuple[str, str]]:
    people = [(str(member.user_id), str(member.user)) for member in responders()]
    return [("", empty), *people] if empty else people


class ScheduleForm(forms.Form):
    name = forms.CharField(max_length=LONGEST_NAME, help_text="After what it looks after: “Payments”.")
    description = forms.CharField(required=False, widget=forms.Textarea({"rows": 2}))
    timezone = forms.ChoiceField(
        label="Time zone",
        choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
        help_text="Hand-overs follow its clock, also when it changes to summer time and back.",
    )


class LayerForm(forms.Form):
    """A rotation. Its people are fields of their own, one for each turn, and so are its windows."""

    name = forms.CharField(max_length=LONGEST_NAME, initial="Everybody")
    rotation = forms.ChoiceField(
        label="They hand over",
        choices=[(Rotation.DAILY, "every day"), (Rotation.WEEKLY, "every week"), (Rotation.CUSTOM, "otherwise")],
    )
    interval = forms.IntegerField(
        label="Turns last", min_value=1, max_value=8_784, help_text="So many days or weeks; 2 is every other."
    )
    unit = forms.ChoiceField(label="Counted in", choices=[(unit, unit.value) for unit in Unit], required=False)
    handover_time = forms.TimeField(label="At", widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    handover_weekday = forms.ChoiceField(
        label="On", required=False, choices=[("", "the weekday of its beginning"), *WEEKDAY_CHOICES]
    )

    def __init__(self, *arguments: Any, layer: ScheduleLayer, zone: ZoneInfo, **keywords: Any) -> None:
        weekday = layer.handover_weekday
        keywords.setdefault("initial", {})
        keywords["initial"] = {
            "name": layer.name or "Everybody",
            "rotation": layer.rotation,
            "interval": layer.interval,
            "unit": layer.unit,
            "handover_time": layer.handover_time,
            "handover_weekday": "" if weekday is None else WEEKDAYS[weekday],
            "starts_at": layer.starts_at,
            "ends_at": layer.ends_at,
            **keywords["initial"],
        }
        super().__init__(*arguments, **keywords)
        self.fields["starts_at"] = LocalTimeField(
            zone=zone, label="In force from", help_text="The first turn begins then."
        )
        self.fields["ends_at"] = LocalTimeField(zone=zone, label="Until", required=False)
        self._add_turns(layer)
        self._add_windows(layer)

    def _add_turns(self, layer: ScheduleLayer) -> None:
        choices = person_choices("–")
        known = {value for value, _ in choices}
        gone = person_names(user_id for user_id in layer.participants if str(user_id) not in known)
        choices += [(str(user_id), f"{name}, who left") for user_id, name in gone.items()]
        count = max(_count(self.data, "turn_"), len(layer.participants) + SPARE_TURNS, FEWEST_TURNS)
        self._turns = [f"turn_{number}" for number in range(min(count, MOST_PARTICIPANTS))]
        for number, name in enumerate(self._turns):
            initial = str(layer.participants[number]) if number < len(layer.participants) else ""
            self.fields[name] = forms.ChoiceField(
                label=f"Turn {number + 1}", choices=choices, required=False, initial=initial
            )

    def _add_windows(self, layer: ScheduleLayer) -> None:
        kept = layer.restrictions
        count = max(_count(self.data, "window_", "_kind"), len(kept) + SPARE_WINDOWS, FEWEST_WINDOWS)
        self._windows = [f"window_{number}" for number in range(min(count, MOST_RESTRICTIONS))]
        for number, name in enumerate(self._windows):
            window = kept[number] if number < len(kept) else {}
            days = window.get("weekdays") or []
            kinds = [
                ("", "–"),
                ("daily", "Every day"),
                (_days_kind(WORKDAYS), "Monday to Friday"),
                (_days_kind(WEEKEND), "Saturday and Sunday"),
                ("weekly", "Once a week"),
            ]
            kind = window.get("kind", "") if not days else _days_kind(days)
            if kind not in dict(kinds):
                kinds.append((kind, ", ".join(day.capitalize() for day in days)))
            self._add(name, "kind", forms.ChoiceField(label="When", choices=kinds, required=False, initial=kind))
            for edge, label in (("start", "From"), ("end", "To")):
                time_field = forms.TimeField(
                    label=label,
                    required=False,
                    initial=window.get(edge, ""),
                    widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
                )
                weekday = forms.ChoiceField(
                    label=f"{label} day",
                    required=False,
                    choices=[("", "–"), *WEEKDAY_CHOICES],
                    initial=window.get(f"{edge}_weekday", ""),
                )
                self._add(name, f"{edge}_weekday", weekday)
                self._add(name, edge, time_field)

    def _add(self, window: str, name: str, field: forms.Field) -> None:
        self.fields[f"{window}_{name}"] = field

    # ---- For the template ----------------------------------------------------------------------------------

    @property
    def plain(self) -> list[BoundField]:
        names = ("rotation", "interval", "unit", "handover_time", "handover_weekday", "starts_at", "ends_at")
        return [self[name] for name in names]

    @property
    def turns(self) -> list[BoundField]:
        return [self[name] for name in self._turns]

    @property
    def windows(self) -> list[list[BoundField]]:
        parts = ("kind", "start_weekday", "start", "end_weekday", "end")
        return [[self[f"{name}_{part}"] for part in parts] for name in self._windows]

    # ---- For the action ------------------------------------------------------------------------------------

    def layer_fields(self) -> LayerFields:
        """What was filled in, as the actions take it."""
        data = self.cleaned_data
        weekday = data["handover_weekday"]
        return {
            "name": data["name"],
            "participants": [UUID(data[name]) for name in self._turns if data.get(name)],
            "rotation": data["rotation"],
            "unit": data["unit"] or Unit.DAYS,
            "interval": data["interval"],
            "handover_time": data["handover_time"],
            "handover_weekday": WEEKDAYS.index(weekday) if weekday else None,
            "starts_at": data["starts_at"],
            "ends_at": data["ends_at"],
            "restrictions": [self._window(name) for name in self._windows if data.get(f"{name}_kind")],
        }

    def _window(self, name: str) -> dict[str, Any]:
        data = self.cleaned_data
        kind, _, days = data[f"{name}_kind"].partition(":")
        window: dict[str, Any] = {"kind": kind}
        for edge in ("start", "end"):
            at = data.get(f"{name}_{edge}")
            window[edge] = at.isoformat("minutes") if at else ""
            if kind == "weekly":
                window[f"{edge}_weekday"] = data.get(f"{name}_{edge}_weekday")
        if days:
            window["weekdays"] = days.split(",")
        return window

    def show_problem(self, problem: Problem) -> None:
        """Puts an action's refusal beside the fields that it names, or above the form."""
        used = [name for name in self._windows if self.cleaned_data.get(f"{name}_kind")]
        for error in problem.members.get("errors", [{"field": "", "message": problem.detail}]):
            name = error["field"]
            if name.startswith("restrictions["):
                number, _, part = name.removeprefix("restrictions[").partition("]")
                name = f"{used[int(number)]}_{part.removeprefix('.') or 'kind'}" if number.isdecimal() else ""
            elif name.startswith("participants"):
                name = self._turns[0]
            self.add_error(name if name in self.fields else None, error["message"])


def _count(data: Any, prefix: str, suffix: str = "") -> int:
    """How many fields of the name were sent, so that a form that comes back has them all."""
    names: Iterable[str] = data.keys() if data else ()
    return sum(1 for name in names if name.startswith(prefix) and name.endswith(suffix))


def _days_kind(days: Iterable[str]) -> str:
    return f"daily:{','.join(days)}"


class SpanForm(forms.Form):
    """A time on the schedule."""

    def __init__(self, *arguments: Any, zone: ZoneInfo, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["starts_at"] = LocalTimeField(zone=zone, label="From")
        self.fields["ends_at"] = LocalTimeField(zone=zone, label="To")


class TakeForm(SpanForm):
    reason = forms.CharField(max_length=LONGEST_REASON, required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.order_fields(("starts_at", "ends_at", "reason"))


class OverrideForm(TakeForm):
    user = forms.ChoiceField(label="Who is on call")

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["user"].choices = person_choices()  # type: ignore[attr-defined]
        self.order_fields(("user", "starts_at", "ends_at", "reason"))


class SwapForm(SpanForm):
    asked = forms.ChoiceField(label="Ask", required=False)
    in_return = forms.ChoiceField(
        label="In return I take", required=False, help_text="Only from the person whom you ask."
    )
    message = forms.CharField(max_length=LONGEST_REASON, required=False)

    def __init__(self, *arguments: Any, me: UUID, returns: list[tuple[str, str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        people = [(value, label) for value, label in person_choices() if value != str(me)]
        self.fields["asked"].choices = [("", "anyone"), *people]  # type: ignore[attr-defined]
        self.fields["in_return"].choices = [("", "nothing"), *returns]  # type: ignore[attr-defined]
        self.order_fields(("starts_at", "ends_at", "asked", "in_return", "message"))

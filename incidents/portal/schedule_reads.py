"""Reads of schedules that only the pages need, in words; in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from incidents.models import Schedule, ScheduleLayer, ShiftSwap
from incidents.schedules.restrictions import WEEKDAYS
from incidents.schedules.rotation import Rotation, Unit
from incidents.schedules.selectors import (
    LONGEST_SPAN,
    on_call,
    overrides_of,
    person_names,
    plans,
    schedules,
    shifts_of_person,
)
from incidents.schedules.shifts import Shift, final_shifts, layer_shifts
from incidents.schedules.wording import moment_words, span_words

MINE_WITHIN = timedelta(days=31)
MOST_OF_MINE = 5


@dataclass(frozen=True)
class CalendarShifts:
    """All that the calendar of a schedule shows over a time, with the names of everyone in it."""

    schedule: Schedule
    final: list[Shift]
    layers: list[tuple[str, list[Shift]]]
    names: dict[UUID, str]

    def with_shifts(self, shifts: Iterable[Shift]) -> CalendarShifts:
        """The same, with the names of these shifts' people too."""
        missing = {shift.user for shift in shifts if shift.user is not None} - self.names.keys()
        return CalendarShifts(self.schedule, self.final, self.layers, self.names | person_names(missing))

    def layer_lines(self, schedule: Schedule) -> list[dict[str, Any]]:
        layers: Sequence[ScheduleLayer] = list(schedule.layers.all())  # type: ignore[attr-defined]
        return [
            {
                "layer": layer,
                "people": [self.names.get(user_id, "someone who left") for user_id in layer.participants],
                "rotation": rotation_words(layer),
                "until": layer.ends_at and moment_words(layer.ends_at, ZoneInfo(schedule.timezone)),
                "windows": [window_words(window) for window in layer.restrictions],
                "is_first": place == 0,
                "is_last": place == len(layers) - 1,
            }
            for place, layer in enumerate(layers)
        ]


def calendar_shifts(schedule: Schedule, start: datetime, end: datetime) -> CalendarShifts:
    plan = plans([schedule], start, end)[schedule.pk]
    final = final_shifts(plan, start, end)
    layers = [(layer.source.name, layer_shifts(layer, plan.zone, start, end)) for layer in plan.layers]
    named = {user for layer in plan.layers for user in layer.turns.participants}
    named |= {override.user for override in plan.overrides}
    return CalendarShifts(schedule, final, layers, person_names(named))


@dataclass(frozen=True)
class ShiftLine:
    """A shift in words, and where it can be changed."""

    shift: Shift
    who: str | None
    is_mine: bool
    span: str
    source: str
    change_url: str


def worded(shifts: Iterable[Shift], found: CalendarShifts, zone: ZoneInfo, me: UUID) -> list[ShiftLine]:
    return [
        ShiftLine(
            shift=shift,
            who=None if shift.user is None else found.names.get(shift.user, "someone who left"),
            is_mine=shift.user == me,
            span=span_words(shift.start, shift.end, zone),
            source=source_words(shift, found.names),
            change_url=change_url(found.schedule, shift),
        )
        for shift in shifts
    ]


def source_words(shift: Shift, names: dict[UUID, str]) -> str:
    """What put somebody on call, or why nobody is."""
    if shift.missing is not None:
        return f"{names.get(shift.missing, 'Someone')} is no responder any more"
    if shift.source is None:
        return "no layer covers this time"
    if shift.source.kind == "override":
        return f"override: {shift.source.name}" if shift.source.name else "override"
    return shift.source.name


def change_url(schedule: Schedule, shift: Shift) -> str:
    query = urlencode({"from": shift.start.isoformat(), "to": shift.end.isoformat()})
    return f"{reverse('schedules:shift', args=[schedule.pk])}?{query}"


def next_shifts(user_id: UUID, now: datetime) -> list[ShiftLine]:
    """The person's own shifts that are not over, on every schedule; in each schedule's own time zone."""
    found = shifts_of_person(user_id, now, now + MINE_WITHIN)[:MOST_OF_MINE]
    return [
        ShiftLine(
            shift=shift,
            who=schedule.name,
            is_mine=True,
            span=span_words(shift.start, shift.end, ZoneInfo(schedule.timezone)),
            source=schedule.timezone,
            change_url=change_url(schedule, shift),
        )
        for schedule, shift in found
    ]


def returns_for(schedule: Schedule, me: UUID, now: datetime) -> list[tuple[str, str]]:
    """Other people's coming shifts on the schedule, as choices for what one takes in return."""
    zone = ZoneInfo(schedule.timezone)
    found = calendar_shifts(schedule, now, now + min(MINE_WITHIN * 2, LONGEST_SPAN))
    return [
        (
            f"{shift.user}|{shift.start.isoformat()}|{shift.end.isoformat()}",
            f"{found.names.get(shift.user, '')}, {span_words(shift.start, shift.end, zone)}",
        )
        for shift in found.final
        if shift.user is not None and shift.user != me and shift.start > now
    ]


def override_lines(schedule: Schedule, now: datetime) -> list[dict[str, Any]]:
    """The schedule's overrides that are not over."""
    zone = ZoneInfo(schedule.timezone)
    return [
        {
            "id": override.pk,
            "who": str(override.user),
            "span": span_words(override.starts_at, override.ends_at, zone),
            "reason": override.reason,
        }
        for override in overrides_of(schedule).filter(ends_at__gt=now)
    ]


def swap_lines(swaps: Iterable[ShiftSwap], me: UUID) -> list[dict[str, Any]]:
    """Requests to swap, with what the person who looks may do about each."""
    lines = []
    for swap in swaps:
        zone = ZoneInfo(swap.schedule.timezone)
        in_return = ""
        if swap.return_starts_at and swap.return_ends_at:
            in_return = span_words(swap.return_starts_at, swap.return_ends_at, zone)
        lines.append(
            {
                "swap": swap,
                "schedule": swap.schedule,
                "span": span_words(swap.starts_at, swap.ends_at, zone),
                "in_return": in_return,
                "may_accept": me != swap.requester_id and swap.asked_id in (None, me),
                "may_decline": swap.asked_id == me,
                "may_withdraw": swap.requester_id == me,
            }
        )
    return lines


def rotation_words(layer: ScheduleLayer) -> str:
    """``hand over every 2 weeks, Monday 09:00``."""
    at = f"{layer.handover_time:%H:%M}"
    unit, count = Unit(layer.unit), layer.interval
    every = f"every {unit.value[:-1]}" if count == 1 else f"every {count} {unit}"
    if layer.rotation == Rotation.CUSTOM and unit is Unit.HOURS:
        return f"{every}, counted from {at}"
    if unit is Unit.WEEKS and layer.handover_weekday is not None:
        return f"{every}, {WEEKDAYS[layer.handover_weekday].capitalize()} {at}"
    return f"{every}, {at}"


def window_words(window: dict[str, Any]) -> str:
    if window["kind"] == "weekly":
        begin, end = window["start_weekday"].capitalize(), window["end_weekday"].capitalize()
        return f"{begin} {window['start']} to {end} {window['end']}"
    days = ", ".join(day.capitalize()[:3] for day in window["weekdays"]) or "every day"
    return f"{days} {window['start']} to {window['end']}"


@dataclass(frozen=True)
class OnCallLine:
    """Who is on call on a schedule now, for a card on any page."""

    schedule: Schedule
    who: str | None
    until: datetime | None
    url: str


def on_call_now(now: datetime, only: Iterable[UUID] | None = None) -> list[OnCallLine]:
    """Every schedule, or only those named, with whoever is on call."""
    found = schedules() if only is None else schedules().filter(pk__in=list(only))
    current = on_call(list(found), now)
    names = person_names(answer.shift.user for answer in current if answer.shift.user is not None)
    return [
        OnCallLine(
            schedule=answer.schedule,
            who=names.get(answer.shift.user) if answer.shift.user is not None else None,
            until=answer.shift.end if answer.ends_in_sight else None,
            url=reverse("schedules:schedule", args=[answer.schedule.pk]),
        )
        for answer in current
    ]

"""What every export is read into. Keys are the other system's ids; what could not be mapped is a note. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from incidents.schedules.restrictions import WEEKDAYS
from incidents.schedules.rotation import Unit
from incidents.schedules.wall_clock import on_the_clock


class UnreadableExport(ValueError):
    """The files are not what they were said to be; the message says what is missing."""


@dataclass(frozen=True)
class ForeignPerson:
    key: str
    email: str
    name: str


@dataclass(frozen=True)
class ForeignLayer:
    """A rotation; its people are keys in the order of their turns, the first being on call from ``starts_at`` on."""

    name: str
    people: list[str]
    unit: Unit
    interval: int
    starts_at: datetime
    ends_at: datetime | None = None
    restrictions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class ForeignOverride:
    person: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class ForeignSchedule:
    """Layers stand with the one that has priority first."""

    key: str
    name: str
    timezone: str
    description: str = ""
    layers: list[ForeignLayer] = field(default_factory=list)
    overrides: list[ForeignOverride] = field(default_factory=list)


@dataclass(frozen=True)
class ForeignStep:
    """``targets`` are pairs of a kind (``user``, ``schedule``, ``team``) and a key; a team's is its name."""

    delay_minutes: int
    targets: list[tuple[str, str]]


@dataclass(frozen=True)
class ForeignPolicy:
    name: str
    description: str
    steps: list[ForeignStep]
    repeat_count: int = 0
    repeat_delay_minutes: int = 5


@dataclass
class Export:
    """All that was found in the files, and what of it has no place here."""

    people: list[ForeignPerson] = field(default_factory=list)
    schedules: list[ForeignSchedule] = field(default_factory=list)
    policies: list[ForeignPolicy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, subject: str, what: str) -> None:
        self.notes.append(f"{subject}: {what}")


# ---- Small readings that all of them need --------------------------------------------------------------------


def zone_name(name: Any, export: Export, subject: str) -> str:
    """The time zone, or UTC with a note."""
    if isinstance(name, str) and name in available_timezones():
        return name
    export.note(subject, f"the time zone {name!r} is not known; UTC is used")
    return "UTC"


def read_moment(text: Any, zone: ZoneInfo) -> datetime | None:
    """A time as ISO 8601; one without an offset is read on the clock of the zone."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else on_the_clock(found, zone)


def turn_length(seconds: int) -> tuple[Unit, int] | None:
    """The largest unit of which the turn is a whole number; None where not even hours fit."""
    for unit in (Unit.WEEKS, Unit.DAYS, Unit.HOURS):
        if seconds > 0 and seconds % unit.seconds == 0:
            return unit, seconds // unit.seconds
    return None


def at_the_turn(
    people: Sequence[str], first_turn: datetime, unit: Unit, interval: int, begin: datetime, zone: ZoneInfo
) -> tuple[list[str], datetime]:
    """The people beginning with whoever's turn it is at ``begin``, and when that turn began."""
    length = timedelta(seconds=unit.seconds * interval)
    local, anchor = (moment.astimezone(zone).replace(tzinfo=None) for moment in (begin, first_turn))
    number = max((local - anchor) // length, 0)
    first = number % len(people)
    return [*people[first:], *people[:first]], on_the_clock(anchor + number * length, zone)


def clock_time(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def daily_windows(start: int, length: int, weekdays: Sequence[int] = ()) -> list[dict[str, Any]]:
    """From minutes after midnight; none for the whole of every day. Whole days of some weekdays reach to the next."""
    if length >= 24 * 60:
        return [window for day in weekdays if (window := weekly_window(day, start, 24 * 60))]
    days = [WEEKDAYS[day] for day in weekdays]
    return [{"kind": "daily", "start": clock_time(start), "end": clock_time(start + length), "weekdays": days}]


def weekly_window(weekday: int, start: int, length: int) -> dict[str, Any] | None:
    """From minutes after the weekday's midnight; None for the whole week."""
    if length >= 7 * 24 * 60:
        return None
    end = weekday * 24 * 60 + start + length
    return {
        "kind": "weekly",
        "start_weekday": WEEKDAYS[weekday],
        "start": clock_time(start),
        "end_weekday": WEEKDAYS[end // (24 * 60) % 7],
        "end": clock_time(end),
    }

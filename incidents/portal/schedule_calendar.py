"""Shifts as a picture: lanes of bars over days, in per cent of the time that a lane shows.

The pages draw them as SVG, whose attributes the Content-Security-Policy allows where it refuses ``style``. A day of 23
or 25 hours is that much narrower or wider than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from incidents.schedules.shifts import Shift
from incidents.schedules.wall_clock import on_the_clock
from incidents.schedules.wording import span_words

TONES = 5
"""As many colours as the charts have; beyond that they come again, and the name says who it is."""
View = Literal["week", "month"]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return on_the_clock(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  A wall-clock time.


@dataclass(frozen=True)
class Person:
    """Who a bar stands for, and in which of the colours."""

    name: str
    tone: int


class People:
    """The people of a schedule by their ids, each in a colour of their own as far as the colours go."""

    def __init__(self, names: Mapping[UUID, str]) -> None:
        ordered = sorted(names, key=lambda user_id: (names[user_id].casefold(), user_id))
        self._found = {user_id: Person(names[user_id], 1 + place % TONES) for place, user_id in enumerate(ordered)}

    def get(self, user_id: UUID | None) -> Person | None:
        return None if user_id is None else self._found.get(user_id, Person("someone who left", 1))


@dataclass(frozen=True)
class Bar:
    """A shift, or a gap, where the lane shows it."""

    x: str
    width: str
    label: str
    tone: str
    """``gap``, or the number of a colour."""
    title: str
    change_url: str = ""
    """Where the shift can be changed; empty in a layer's own lane, and in a preview."""


@dataclass(frozen=True)
class Day:
    """A day of a lane: where it begins, and how it is called."""

    date: date
    label: str
    x: str
    width: str
    is_today: bool
    is_weekend: bool


@dataclass(frozen=True)
class Lane:
    """One line of the picture over its days. ``now`` is where the present moment is, or empty."""

    name: str
    days: tuple[Day, ...]
    bars: tuple[Bar, ...]
    now: str = ""


Address = Callable[[Shift], str]


def no_address(shift: Shift) -> str:
    return ""


class Ruler:
    """The time that a lane shows, in the schedule's time zone."""

    def __init__(self, first: date, days: int, zone: ZoneInfo, now: datetime) -> None:
        self.zone, self.now = zone, now
        self.dates = [first + timedelta(days=number) for number in range(days + 1)]
        self.edges = [midnight(day, zone) for day in self.dates]
        self.start, self.end = self.edges[0], self.edges[-1]

    def place(self, at: datetime) -> str:
        """Where a moment is, in per cent with a point, whatever the reader's language."""
        share = (at - self.start) / (self.end - self.start)
        return f"{min(max(share, 0), 1) * 100:.3f}%"

    def width(self, start: datetime, end: datetime) -> str:
        start, end = max(start, self.start), min(end, self.end)
        return f"{(end - start) / (self.end - self.start) * 100:.3f}%"

    def days(self) -> tuple[Day, ...]:
        today = self.now.astimezone(self.zone).date()
        return tuple(
            Day(
                date=day,
                label=f"{day:%a} {day.day}",
                x=self.place(start),
                width=self.width(start, end),
                is_today=day == today,
                is_weekend=day.weekday() >= 5,
            )
            for day, start, end in zip(self.dates, self.edges, self.edges[1:], strict=False)
        )

    def lane(self, name: str, shifts: Iterable[Shift], people: People, address: Address = no_address) -> Lane:
        bars = tuple(
            self._bar(shift, people, address(shift))
            for shift in shifts
            if shift.start < self.end and shift.end > self.start
        )
        now = self.place(self.now) if self.start <= self.now < self.end else ""
        return Lane(name, self.days(), bars, now)

    def _bar(self, shift: Shift, people: People, change_url: str) -> Bar:
        person = people.get(shift.user)
        missing = people.get(shift.missing)
        label = person.name if person else f"Nobody: {missing.name} left" if missing else "Nobody"
        return Bar(
            x=self.place(shift.start),
            width=self.width(shift.start, shift.end),
            label=label,
            tone=str(person.tone) if person else "gap",
            title=f"{label}, {span_words(shift.start, shift.end, self.zone)}",
            change_url=change_url,
        )


@dataclass(frozen=True)
class Period:
    """The week or month that a page shows: whole weeks from Monday on."""

    view: View
    first: date
    weeks: int
    title: str
    previous: date
    next: date

    @property
    def days(self) -> int:
        return 7 * self.weeks


def period_of(view: View, day: date) -> Period:
    """The week, or the weeks of the month, in which the day is."""
    if view == "week":
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=6)
        begin = f"{first.day} {first:%B}" if first.month != last.month else f"{first.day}"
        title = f"{begin} – {last.day} {last:%B %Y}"
        return Period("week", first, 1, title, first - timedelta(days=7), first + timedelta(days=7))
    start = day.replace(day=1)
    following = (start + timedelta(days=31)).replace(day=1)
    first = start - timedelta(days=start.weekday())
    weeks = -(-(following - first).days // 7)
    previous = (start - timedelta(days=1)).replace(day=1)
    return Period("month", first, weeks, f"{start:%B %Y}", previous, following)


@dataclass(frozen=True)
class CalendarPicture:
    """The whole picture: lanes over one week, or one lane for each week of a month; and each day by itself for
    the phone.
    """

    period: Period
    lanes: tuple[Lane, ...]
    days: tuple[Lane, ...]


def picture(
    period: Period,
    zone: ZoneInfo,
    now: datetime,
    people: People,
    final: Sequence[Shift],
    layers: Sequence[tuple[str, Sequence[Shift]]],
    address: Address,
) -> CalendarPicture:
    """``final`` and each of ``layers`` hold the shifts of the whole period; ``address`` is where one can be changed."""
    if period.view == "week":
        ruler = Ruler(period.first, 7, zone, now)
        lanes = [ruler.lane("On call", final, people, address)]
        lanes += [ruler.lane(name, shifts, people) for name, shifts in layers]
    else:
        lanes = []
        for week in range(period.weeks):
            ruler = Ruler(period.first + timedelta(weeks=week), 7, zone, now)
            lanes.append(ruler.lane(f"{ruler.dates[0].day} {ruler.dates[0]:%b}", final, people, address))
    days = []
    for number in range(period.days):
        ruler = Ruler(period.first + timedelta(days=number), 1, zone, now)
        days.append(ruler.lane(f"{ruler.dates[0]:%a} {ruler.dates[0].day}", final, people, address))
    return CalendarPicture(period, tuple(lanes), tuple(days))

"""When a silence is in force: once, or at the same hours of chosen weekdays. No Django in here.

The hours are those of a clock on the wall, also in the nights in which it is changed (``incidents.schedules``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incidents.schedules.restrictions import WEEKDAYS
from incidents.schedules.wall_clock import DAY, HOUR, MINUTE, WallClock, datetime_of, moment_of
from incidents.schedules.windows import Window, open_intervals

Interval = tuple[datetime, datetime]
"""From a moment to another, which does not belong to it."""

#: Every hour that recurs lies within so much time around now: a week, and a night that reaches over its end.
_LOOK_BACK, _LOOK_AHEAD = timedelta(days=2), timedelta(days=9)


@dataclass(frozen=True)
class Recurrence:
    """The hours ``opens`` to ``closes`` of each weekday; they may reach over midnight. No weekday: every day."""

    weekdays: tuple[int, ...]
    opens: time
    closes: time

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Recurrence:
        """The inverse of ``as_data``.

        Raises:
            ValueError: says what is wrong with it.
        """
        unknown = [str(day) for day in data.get("days", ()) if day not in WEEKDAYS]
        if unknown:
            raise ValueError(f"“{unknown[0]}” is no weekday; write {', '.join(WEEKDAYS)}.")
        try:
            opens, closes = time.fromisoformat(data["from"]), time.fromisoformat(data["until"])
        except (KeyError, TypeError, ValueError):
            raise ValueError("Write the hours as from 22:00 until 02:00.") from None
        if opens == closes:
            raise ValueError("The hours end when they begin; for whole days leave the recurrence out.")
        days = tuple(sorted({WEEKDAYS.index(day) for day in data.get("days", ())}))
        return cls(days, opens.replace(second=0, microsecond=0), closes.replace(second=0, microsecond=0))

    def as_data(self) -> dict[str, Any]:
        days = [WEEKDAYS[day] for day in self.weekdays]
        return {"days": days, "from": f"{self.opens:%H:%M}", "until": f"{self.closes:%H:%M}"}

    def windows(self) -> list[Window]:
        opens, closes = _seconds(self.opens), _seconds(self.closes)
        length = (closes - opens) % DAY
        return [Window(day * DAY + opens, length) for day in self.weekdays or range(7)]

    def in_words(self) -> str:
        days = ", ".join(WEEKDAYS[day].capitalize() for day in self.weekdays)
        return f"{days or 'Every day'} {self.opens:%H:%M} to {self.closes:%H:%M}"


@dataclass(frozen=True)
class Times:
    """In force from ``starts_at`` to ``ends_at``, and where it recurs, only at its hours in between."""

    starts_at: datetime
    ends_at: datetime
    recurrence: Recurrence | None
    zone: ZoneInfo

    def interval_at(self, moment: datetime) -> Interval | None:
        """The time around the moment in which it is in force without a pause; None where it is not."""
        return next((each for each in self._around(moment) if each[0] <= moment < each[1]), None)

    def next_change(self, moment: datetime) -> datetime | None:
        """When it next comes into force, or ceases to be; None when it is over."""
        for start, end in self._around(moment):
            if start > moment:
                return start
            if end > moment:
                return end
        if self.recurrence is not None and moment < self.starts_at:
            return self.starts_at  # More than a week ahead: looked at again then.
        return None

    def has_hour(self, moment: datetime) -> bool:
        """Whether the hour of the moment is one of its hours, whatever the date."""
        if self.recurrence is None:
            return True
        return bool(self._recurring(self.recurrence, moment, moment + timedelta(seconds=1)))

    def _around(self, moment: datetime) -> list[Interval]:
        if self.recurrence is None:
            return [(self.starts_at, self.ends_at)]
        begin, end = max(self.starts_at, moment - _LOOK_BACK), min(self.ends_at, moment + _LOOK_AHEAD)
        return self._recurring(self.recurrence, begin, end) if begin < end else []

    def _recurring(self, recurrence: Recurrence, begin: datetime, end: datetime) -> list[Interval]:
        found = open_intervals(recurrence.windows(), WallClock(self.zone), moment_of(begin), moment_of(end))
        return [(datetime_of(start), datetime_of(stop)) for start, stop in found]


def _seconds(clock: time) -> int:
    return clock.hour * HOUR + clock.minute * MINUTE

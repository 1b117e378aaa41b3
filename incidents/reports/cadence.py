"""When a scheduled report is due, and which days it is about. No Django: moments in, moments out.

The clock is that of the organization's time zone, by the one rule of ``incidents.schedules.wall_clock``: an hour that
the clock skips comes at the jump, and one that it shows twice comes the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from incidents.schedules.wall_clock import on_the_clock

#: Each month has these days.
LAST_DAY = 28
_LONGEST_MONTH = 31


class Every(StrEnum):
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Occurrence:
    """One report: the day in the calendar on which it is due, and the moment."""

    day: date
    at: datetime


@dataclass(frozen=True)
class Cadence:
    """Every week on a weekday (0 is Monday), or every month on a day (1 to 28), at an hour (0 to 23)."""

    every: Every
    on: int
    hour: int
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> Occurrence:
        """The first occurrence that is later than the moment."""
        today = moment.astimezone(self.zone).date()
        return next(each for each in self._from(today, 1) if each.at > moment)

    def latest_until(self, moment: datetime) -> Occurrence:
        """The last occurrence that is not later than the moment."""
        # A day further than today: clocks that are put back over midnight show yesterday once more.
        tomorrow = moment.astimezone(self.zone).date() + timedelta(days=1)
        return next(each for each in self._from(tomorrow, -1) if each.at <= moment)

    def days_before(self, day: date) -> tuple[date, date]:
        """The first and the last of the days that the occurrence of ``day`` is about: those since the one before."""
        return next(self._days(day - timedelta(days=1), -1)), day - timedelta(days=1)

    def _from(self, day: date, step: int) -> Iterator[Occurrence]:
        for each in self._days(day, step):
            yield Occurrence(each, on_the_clock(datetime.combine(each, time(self.hour)), self.zone))

    def _days(self, day: date, step: int) -> Iterator[date]:
        """The matching days of two months and more, the given one included."""
        for number in range(2 * _LONGEST_MONTH + 1):
            each = day + timedelta(days=number * step)
            if self.on == (each.weekday() if self.every is Every.WEEK else each.day):
                yield each

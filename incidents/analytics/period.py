"""Whole days in an organization's time zone, and where each begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """The days from ``first`` to ``last``, both included, by the clocks of ``timezone``."""

    first: date
    last: date
    timezone: str

    @property
    def days(self) -> list[date]:
        return [self.first + index * DAY for index in range((self.last - self.first).days + 1)]

    @property
    def starts_at(self) -> datetime:
        return self.midnight(self.first)

    @property
    def ends_at(self) -> datetime:
        """The moment after the period."""
        return self.midnight(self.last + DAY)

    @property
    def before(self) -> Period:
        """As many days, just before."""
        length = self.last - self.first + DAY
        return Period(self.first - length, self.first - DAY, self.timezone)

    def midnight(self, day: date) -> datetime:
        """When the day begins. Where the clock is changed at midnight: the first moment that the day has."""
        return datetime.combine(day, time(), ZoneInfo(self.timezone)).astimezone(UTC)


def day_of(moment: datetime, timezone: str) -> date:
    """The day that it is at that moment over there."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def last_days(count: int, now: datetime, timezone: str) -> Period:
    """Today and the days before it, ``count`` in all."""
    today = day_of(now, timezone)
    return Period(today - (count - 1) * DAY, today, timezone)

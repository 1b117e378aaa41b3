"""Time that counts: business hours with time zone and holidays. No Django in here.

A week's hours are wall-clock times of a zone; what is measured is time that really passes. On the days when the
clock is changed a window is therefore an hour longer or shorter. A wall-clock time that occurs twice is its first
occurrence; one that does not occur is as far after midnight as the clock before the change would have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
#: Beyond this many days without an opening a calendar is taken for closed for good.
LONGEST_CLOSURE_DAYS = 400
Window = tuple[int, int]
"""Minutes after midnight: from, to; to is at most 1,440."""


class NeverOpenError(ValueError):
    """The calendar has no hours within reach."""


@dataclass(frozen=True)
class BusinessHours:
    """The hours of each weekday (Monday first), in order and without overlap, and the days that have none."""

    timezone: str
    week: tuple[tuple[Window, ...], ...]
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError("a week has seven days")
        for windows in self.week:
            end = 0
            for opens, closes in windows:
                if not end <= opens < closes <= DAY_MINUTES:
                    raise ValueError("the hours of a day must be in order, not overlap, and end by 24:00")
                end = closes

    def windows(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open stretches, in UTC, from ``since`` on: the first may have begun before it and is cut.

        Raises:
            NeverOpenError: there is none for ``LONGEST_CLOSURE_DAYS``.
        """
        zone = ZoneInfo(self.timezone)
        day = since.astimezone(zone).date() - timedelta(days=1)
        closed = 0
        while closed <= LONGEST_CLOSURE_DAYS:
            closed += 1
            for opens, closes in () if day in self.holidays else self.week[day.weekday()]:
                start, end = _instant(day, opens, zone), _instant(day, closes, zone)
                if end > since and start < end:
                    closed = 0
                    yield max(start, since), end
            day += timedelta(days=1)
        raise NeverOpenError(f"the calendar has no business hours within {LONGEST_CLOSURE_DAYS} days")


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


def add(hours: BusinessHours | None, start: datetime, duration: timedelta) -> datetime:
    """When ``duration`` of counted time has passed since ``start``; None is around the clock.

    A duration of nothing, or a negative one, ends at the start.

    Raises:
        NeverOpenError: the calendar is closed for good before that.
    """
    if duration <= timedelta():
        return start
    if hours is None:
        return start + duration
    left = duration
    for opens, closes in hours.windows(start):
        if closes - opens >= left:
            return opens + left
        left -= closes - opens
    raise AssertionError("windows end in NeverOpenError only")


def elapsed(hours: BusinessHours | None, start: datetime, end: datetime) -> timedelta:
    """How much counted time lies between two instants; nothing where the end is not after the start."""
    if end <= start:
        return timedelta()
    if hours is None:
        return end - start
    total = timedelta()
    try:
        for opens, closes in hours.windows(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
    except NeverOpenError:
        pass  # What was open until the calendar closed for good has been counted.
    return total

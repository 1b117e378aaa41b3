"""When a layer is in force at all: windows that come every week, such as nights or weekends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from incidents.schedules.wall_clock import DAY, WEEK, WallClock

Interval = tuple[int, int]
"""From the first moment to the last, which does not belong to it; in seconds."""

_FIRST_MONDAY = -3 * DAY  # 1970-01-01 was a Thursday.


@dataclass(frozen=True)
class Window:
    """Opens every week ``opens`` seconds after Monday 00:00 and closes ``length`` seconds later, both on the wall.

    It may reach over midnight and into the next week; ``length`` is from 1 second to a week.
    """

    opens: int
    length: int


def open_intervals(windows: Iterable[Window], clock: WallClock, start: int, end: int) -> list[Interval]:
    """The union of the windows between two moments: in order, apart from one another, cut to ``start`` and ``end``."""
    first_week = (clock.shown_at(start) - _FIRST_MONDAY) // WEEK - 2
    last_week = (clock.shown_at(end) - _FIRST_MONDAY) // WEEK + 1
    found: list[Interval] = []
    for week in range(first_week, last_week + 1):
        monday = _FIRST_MONDAY + week * WEEK
        for window in windows:
            opens = max(clock.first_moment(monday + window.opens), start)
            closes = min(clock.first_moment(monday + window.opens + window.length), end)
            if opens < closes:
                found.append((opens, closes))
    return united(found)


def united(intervals: list[Interval]) -> list[Interval]:
    """The same time in as few intervals as possible, in order."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result

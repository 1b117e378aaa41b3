"""From what a clock on the wall shows to the moment in time, with both changes of daylight saving.

One rule holds for everything in a schedule: *a wall-clock time comes at the first moment at which the clock shows it or
a later time*. So a hand-over at 02:30 in a night whose clocks jump from 02:00 to 03:00 happens at the jump, and one in
a night that has 02:30 twice happens the first time and not again. The rule never swaps two hand-overs.

All times here are whole seconds: *moments* since 1970-01-01T00:00Z, and *local* times since 1970-01-01T00:00 as the
clock on the wall counts them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  A wall-clock time has no zone.
_SECOND = timedelta(seconds=1)


def local_seconds(local: datetime) -> int:
    """The local time of a datetime without a zone, in seconds; fractions are dropped."""
    return (local - _EPOCH) // _SECOND


def moment_of(aware: datetime) -> int:
    """The moment of a datetime with a zone, in seconds; fractions are dropped."""
    return (aware - _EPOCH.replace(tzinfo=UTC)) // _SECOND


def datetime_of(moment: int) -> datetime:
    """The inverse of ``moment_of``, in UTC."""
    return _EPOCH.replace(tzinfo=UTC) + timedelta(seconds=moment)


def on_the_clock(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the zone's clock on the wall shows this time or a later one."""
    return datetime_of(WallClock(zone).first_moment(local_seconds(local)))


class WallClock:
    """The clock of one time zone. It remembers the offsets of days that it was asked about."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int | None] = {}

    def shown_at(self, moment: int) -> int:
        """The local time that the clock shows at a moment."""
        return moment + _seconds(datetime_of(moment).astimezone(self._zone))

    def first_moment(self, local: int) -> int:
        """The first moment at which the clock shows ``local`` or a later time. Never decreases with ``local``."""
        day = local // DAY
        if day not in self._offsets:
            self._offsets[day] = self._steady_offset(day)
        offset = self._offsets[day]
        return local - offset if offset is not None else self._first_moment_of_a_change(local)

    def _steady_offset(self, day: int) -> int | None:
        """The offset from UTC of a whole day, or None where the clocks are changed on it."""
        begin = self._offset(day * DAY, fold=0)
        return begin if begin == self._offset((day + 1) * DAY, fold=0) else None

    def _first_moment_of_a_change(self, local: int) -> int:
        before, after = self._offset(local, fold=0), self._offset(local, fold=1)
        if before >= after:  # Shown once, or twice, of which fold=0 is the first (PEP 495).
            return local - before
        low, high = local - after, local - before  # The clock jumps over it somewhere in between.
        while high - low > 1:
            middle = (low + high) // 2
            if self.shown_at(middle) >= local:
                high = middle
            else:
                low = middle
        return high

    def _offset(self, local: int, *, fold: int) -> int:
        return _seconds((_EPOCH + timedelta(seconds=local)).replace(tzinfo=self._zone, fold=fold))


def _seconds(aware: datetime) -> int:
    offset = aware.utcoffset()
    assert offset is not None
    return offset // _SECOND

"""Whose turn it is: participants who hand over to one another at wall-clock times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from incidents.schedules.wall_clock import DAY, HOUR, WEEK, WallClock, local_seconds
from incidents.schedules.windows import Interval


class Rotation(StrEnum):
    """DAILY and WEEKLY hand over every ``interval`` days or weeks; CUSTOM every ``interval`` of its ``unit``."""

    DAILY = "daily"
    WEEKLY = "weekly"
    CUSTOM = "custom"


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"

    @property
    def seconds(self) -> int:
        return {Unit.HOURS: HOUR, Unit.DAYS: DAY, Unit.WEEKS: WEEK}[self]


UNIT_OF_ROTATION = {Rotation.DAILY: Unit.DAYS, Rotation.WEEKLY: Unit.WEEKS}
LONGEST_TURN = 366 * DAY


@dataclass(frozen=True)
class Turns:
    """Endless turns of one length. The first began at the local time ``anchor`` and is the first participant's."""

    anchor: int
    length: int
    participants: tuple[UUID, ...]


def first_handover(
    begin: datetime, *, unit: Unit, interval: int, handover_time: time, handover_weekday: int | None = None
) -> int:
    """The local time of the last hand-over that is not after ``begin``, so that the first participant begins.

    Args:
        begin: the wall-clock time from which the rotation counts, without a zone.
        handover_weekday: 0 is Monday; for weeks, where None means the weekday of ``begin``.
    """
    local = local_seconds(begin)
    clock_time = handover_time.hour * HOUR + handover_time.minute * 60 + handover_time.second
    anchor = local // DAY * DAY + clock_time
    if unit is Unit.WEEKS and handover_weekday is not None:
        anchor -= (begin.weekday() - handover_weekday) % 7 * DAY
    step = WEEK if unit is Unit.WEEKS else DAY
    if anchor > local:
        anchor -= step
    if unit is Unit.HOURS:
        anchor += (local - anchor) // (interval * HOUR) * interval * HOUR
    return anchor


def turns_between(turns: Turns, clock: WallClock, start: int, end: int) -> Iterator[tuple[Interval, UUID]]:
    """The turns that touch the time between two moments, in order, cut to it. Turns that a change of clocks swallows
    are left out."""
    if not turns.participants or start >= end:
        return
    if len(turns.participants) == 1:
        yield (start, end), turns.participants[0]
        return
    # No zone ever jumped by more than a day, so that two days earlier is early enough.
    number = max((clock.shown_at(start) - 2 * DAY - turns.anchor) // turns.length, 0)
    begins = clock.first_moment(turns.anchor + number * turns.length)
    while begins < end:
        ends = clock.first_moment(turns.anchor + (number + 1) * turns.length)
        if ends > start and ends > begins:
            user = turns.participants[number % len(turns.participants)]
            yield (max(begins, start), min(ends, end)), user
        number, begins = number + 1, ends

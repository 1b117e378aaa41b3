"""The final schedule: overrides over layers, the first layer that has somebody before the next, gaps said as gaps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from incidents.schedules.rotation import Turns, turns_between
from incidents.schedules.wall_clock import WallClock, datetime_of, moment_of
from incidents.schedules.windows import Interval, Window, open_intervals


@dataclass(frozen=True)
class Source:
    """What put somebody on call."""

    kind: Literal["layer", "override"]
    id: UUID
    name: str


@dataclass(frozen=True)
class LayerPlan:
    """A rotation, in force from ``starts_at`` until ``ends_at`` and, where it has windows, only inside them."""

    source: Source
    turns: Turns
    starts_at: datetime
    ends_at: datetime | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class OverridePlan:
    """One person instead of whatever the layers say."""

    source: Source
    user: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class SchedulePlan:
    """All that decides who is on call. What comes first in ``overrides`` and in ``layers`` has priority.

    The time of ``absent`` people counts as nobody's: the next layer takes it, or it is a gap that names them.
    """

    zone: ZoneInfo
    layers: tuple[LayerPlan, ...]
    overrides: tuple[OverridePlan, ...] = ()
    absent: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Shift:
    """One person on call from ``start`` until before ``end``, or nobody: then ``user`` is None, and ``missing`` is who
    would have been on call and is no longer there."""

    start: datetime
    end: datetime
    user: UUID | None
    source: Source | None
    missing: UUID | None = None

    @property
    def is_gap(self) -> bool:
        return self.user is None


_Piece = tuple[int, int, UUID, Source]


def layer_shifts(layer: LayerPlan, zone: ZoneInfo, start: datetime, end: datetime) -> list[Shift]:
    """What one layer says by itself, without gaps."""
    pieces = _layer_pieces(layer, WallClock(zone), moment_of(start), moment_of(end))
    return _merged(_shift(begins, ends, user, source) for begins, ends, user, source in pieces)


def final_shifts(plan: SchedulePlan, start: datetime, end: datetime) -> list[Shift]:
    """Who is on call between two moments: shifts and gaps in order, without holes, cut to ``start`` and ``end``.

    Neighbours with the same person from the same source are one shift.
    """
    clock, begin, until = WallClock(plan.zone), moment_of(start), moment_of(end)
    if begin >= until:
        return []
    board = _Board(begin, until)
    for override in plan.overrides:
        begins, ends = max(moment_of(override.starts_at), begin), min(moment_of(override.ends_at), until)
        if begins < ends:
            board.fill([(begins, ends, override.user, override.source)], plan.absent)
    for layer in plan.layers:
        if not board.holes:
            break
        board.fill(_layer_pieces(layer, clock, begin, until), plan.absent)
    return _merged(board.shifts())


class _Board:
    """The time between two moments while it is being filled: what is taken, and the holes that are left."""

    def __init__(self, start: int, end: int) -> None:
        self.holes: list[Interval] = [(start, end)]
        self._taken: list[_Piece] = []
        self._missed: list[_Piece] = []

    def fill(self, pieces: Iterable[_Piece], absent: Collection[UUID]) -> None:
        """Puts pieces, which are in order and apart, where nothing is yet."""
        rest: list[Interval] = []
        holes = iter(self.holes)
        hole = next(holes, None)
        for start, end, user, source in pieces:
            while hole is not None and hole[1] <= start:
                rest.append(hole)
                hole = next(holes, None)
            while hole is not None and hole[0] < end:
                begins, ends = max(start, hole[0]), min(end, hole[1])
                if user in absent:
                    self._missed.append((begins, ends, user, source))
                    if hole[1] > end:
                        break
                    rest.append(hole)
                    hole = next(holes, None)
                    continue
                self._taken.append((begins, ends, user, source))
                if hole[0] < begins:
                    rest.append((hole[0], begins))
                hole = (ends, hole[1]) if ends < hole[1] else next(holes, None)
        if hole is not None:
            rest.append(hole)
        rest.extend(holes)
        self.holes = rest

    def shifts(self) -> Iterator[Shift]:
        """Everything in order, the holes as gaps that name the first who is missing there."""
        gaps = [gap for hole in self.holes for gap in self._gaps(hole)]
        found = [*gaps, *(_shift(*piece) for piece in self._taken)]
        return iter(sorted(found, key=lambda shift: shift.start))

    def _gaps(self, hole: Interval) -> list[Shift]:
        missed = [piece for piece in self._missed if piece[0] < hole[1] and piece[1] > hole[0]]
        edges = sorted({*hole, *(edge for piece in missed for edge in piece[:2] if hole[0] < edge < hole[1])})
        gaps = []
        for begins, ends in pairwise(edges):
            who = next(((user, source) for start, end, user, source in missed if start <= begins and ends <= end), None)
            source, user = (who[1], who[0]) if who else (None, None)
            gaps.append(Shift(datetime_of(begins), datetime_of(ends), None, source, user))
        return gaps


def _layer_pieces(layer: LayerPlan, clock: WallClock, start: int, end: int) -> Iterator[_Piece]:
    begin = max(start, moment_of(layer.starts_at))
    until = end if layer.ends_at is None else min(end, moment_of(layer.ends_at))
    if begin >= until:
        return
    turns = turns_between(layer.turns, clock, begin, until)
    if not layer.windows:
        for (begins, ends), user in turns:
            yield begins, ends, user, layer.source
        return
    intervals = open_intervals(layer.windows, clock, begin, until)
    position = 0
    for (begins, ends), user in turns:
        while position < len(intervals) and intervals[position][1] <= begins:
            position += 1
        following = position
        while following < len(intervals) and intervals[following][0] < ends:
            yield max(begins, intervals[following][0]), min(ends, intervals[following][1]), user, layer.source
            following += 1


def _shift(begins: int, ends: int, user: UUID, source: Source) -> Shift:
    return Shift(datetime_of(begins), datetime_of(ends), user, source)


def _merged(shifts: Iterable[Shift]) -> list[Shift]:
    result: list[Shift] = []
    for shift in shifts:
        last = result[-1] if result else None
        if last and last.end == shift.start and _who(last) == _who(shift):
            result[-1] = Shift(last.start, shift.end, shift.user, shift.source, shift.missing)
        else:
            result.append(shift)
    return result


def _who(shift: Shift) -> tuple[UUID | None, Source | None, UUID | None]:
    return shift.user, shift.source, shift.missing

"""More than N logs within a window that slides in event time. Pure: no Django, no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Threshold:
    """Exceeded when more than ``count`` logs lie in some half-open window ``[t, t + window)``.

    Half-open, so that a steady five a minute never makes six: the sixth comes a full minute after the first.
    """

    count: int
    window: timedelta

    @property
    def needed(self) -> int:
        """How many logs it takes."""
        return self.count + 1


@dataclass(frozen=True, slots=True)
class Breach:
    """The logs of one window that is too full: event times of its first and last."""

    first: datetime
    last: datetime


def newest_breach(newest_first: Sequence[datetime], threshold: Threshold) -> Breach | None:
    """The last place where the threshold is exceeded, among event times in descending order.

    Takes time proportional to the distance of that place from the newest log, so a flood is recognized by its
    newest ``needed`` logs.
    """
    reach = threshold.needed - 1
    for last in range(len(newest_first) - reach):
        if newest_first[last] - newest_first[last + reach] < threshold.window:
            return Breach(first=newest_first[last + reach], last=newest_first[last])
    return None


def breaches(oldest_first: Iterable[datetime], threshold: Threshold) -> list[Breach]:
    """Every unbroken run of too full windows, oldest first; for looking at stored logs as a whole."""
    found: list[Breach] = []
    window: list[datetime] = []
    for moment in oldest_first:
        window.append(moment)
        if len(window) > threshold.needed:
            window.pop(0)
        if len(window) < threshold.needed or moment - window[0] >= threshold.window:
            continue
        if found and window[0] <= found[-1].last:
            found[-1] = Breach(found[-1].first, moment)
        else:
            found.append(Breach(window[0], moment))
    return found

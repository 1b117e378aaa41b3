"""One clock: a target, the hours in which it counts, and the stretches in which it ran. No Django in here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.sla.business_hours import BusinessHours, NeverOpenError, add, elapsed


@dataclass(frozen=True)
class Run:
    """A stretch in which the clock was not paused; the last one may be without end."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Clock:
    """``runs`` are in order; at most the last one is open. ``hours`` None counts around the clock."""

    target: timedelta
    hours: BusinessHours | None
    runs: tuple[Run, ...]

    @property
    def is_running(self) -> bool:
        return bool(self.runs) and self.runs[-1].end is None

    def consumed(self, now: datetime) -> timedelta:
        """How much of the target was used up by then."""
        spans = (elapsed(self.hours, run.start, now if run.end is None else min(now, run.end)) for run in self.runs)
        return sum(spans, timedelta())

    def remaining(self, now: datetime) -> timedelta:
        """What is left of the target; negative when it is overdue."""
        return self.target - self.consumed(now)

    def due_at(self) -> datetime | None:
        """When the target is used up if nothing changes; None while paused with something left.

        A target that was used up in an earlier run was due then.
        """
        return self.reaches(self.target)

    def reaches(self, amount: timedelta) -> datetime | None:
        """When so much counted time is used up; None if that does not happen while things stay as they are, as by a
        calendar whose hours are all holidays: an incident has to open all the same.
        """
        left = amount
        for run in self.runs:
            if run.end is None:
                try:
                    return add(self.hours, run.start, left)
                except NeverOpenError:
                    return None
            used = elapsed(self.hours, run.start, run.end)
            if used >= left:
                return add(self.hours, run.start, left)
            left -= used
        return None

    def paused(self, at: datetime) -> Clock:
        """The clock with its open run ended; unchanged where it is not running."""
        if not self.is_running:
            return self
        last = self.runs[-1]
        return Clock(self.target, self.hours, (*self.runs[:-1], Run(last.start, max(at, last.start))))

    def resumed(self, at: datetime) -> Clock:
        """The clock running again from then on; unchanged where it runs."""
        return self if self.is_running else Clock(self.target, self.hours, (*self.runs, Run(at)))

    def measured_by(self, target: timedelta, hours: BusinessHours | None) -> Clock:
        """The same runs under another target or other hours."""
        return Clock(target, hours, self.runs)

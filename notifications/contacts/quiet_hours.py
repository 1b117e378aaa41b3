"""When a step of a person's rules is due. No Django in here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class QuietHours:
    """Every day from ``begin`` to ``end`` on the clocks of the zone; an ``end`` before ``begin`` is of the next day."""

    begin: time
    end: time
    zone: ZoneInfo

    def end_after(self, moment: datetime) -> datetime | None:
        """When the quiet hours end in which the moment lies, in the moment's zone; None outside them."""
        local = moment.astimezone(self.zone)
        now = local.time()
        is_over_midnight = self.end <= self.begin
        is_quiet = (now >= self.begin or now < self.end) if is_over_midnight else self.begin <= now < self.end
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if is_over_midnight and now >= self.begin else 0)
        # An end that the clocks skip in spring is taken with the offset before, as RFC 5545 (3.3.5) has it.
        return datetime.combine(day, self.end, self.zone).astimezone(moment.tzinfo)


def due_at(paged_at: datetime, after_minutes: int, quiet: QuietHours | None, *, is_critical: bool) -> datetime:
    """When a step is due: so many minutes after the page, and after the quiet hours unless it is critical."""
    due = paged_at + timedelta(minutes=after_minutes)
    if quiet is None or is_critical:
        return due
    return quiet.end_after(due) or due

"""Times on a schedule in words, as the clock of its time zone shows them. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def span_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """``Mon 16 Nov 09:00 to Mon 23 Nov 09:00``; the day is said once where it is the same."""
    begin, until = start.astimezone(zone), end.astimezone(zone)
    last = f"{until:%H:%M}" if begin.date() == until.date() else moment_words(until, zone)
    return f"{moment_words(begin, zone)} to {last}"


def moment_words(moment: datetime, zone: ZoneInfo) -> str:
    """``Mon 16 Nov 09:00``."""
    at = moment.astimezone(zone)
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M}"

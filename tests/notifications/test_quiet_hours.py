"""When steps are due: over midnight, at the edges, and when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from notifications.contacts.quiet_hours import QuietHours, due_at

NIGHT = QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"))
NOON = QuietHours(time(12), time(13), ZoneInfo("Europe/Berlin"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "moment", "end"),
    [
        (NIGHT, "2026-01-10T20:59", None),  # 21:59 in Berlin.
        (NIGHT, "2026-01-10T21:00", "2026-01-11T06:00"),
        (NIGHT, "2026-01-11T02:00", "2026-01-11T06:00"),
        (NIGHT, "2026-01-11T06:00", None),
        (NIGHT, "2026-03-28T22:00", "2026-03-29T05:00"),  # The clocks go forward in that night.
        (NIGHT, "2026-10-24T21:00", "2026-10-25T06:00"),  # ... and back.
        (NOON, "2026-07-01T10:30", "2026-07-01T11:00"),
        (NOON, "2026-07-01T11:00", None),
    ],
)
def test_the_end_of_the_quiet_hours(quiet, moment, end):
    assert quiet.end_after(utc(moment)) == (utc(end) if end else None)


def test_an_end_that_the_clocks_skip():
    until_half_past_two = QuietHours(time(22), time(2, 30), ZoneInfo("Europe/Berlin"))
    assert until_half_past_two.end_after(utc("2026-03-28T23:00")) == utc("2026-03-29T01:30")


def test_delay_first_then_quiet_hours_unless_critical():
    paged = utc("2026-01-10T20:55")
    assert due_at(paged, 10, NIGHT, is_critical=False) == utc("2026-01-11T06:00")
    assert due_at(paged, 10, NIGHT, is_critical=True) == utc("2026-01-10T21:05")
    assert due_at(paged, 10, None, is_critical=False) == utc("2026-01-10T21:05")

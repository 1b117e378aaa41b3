"""The mathematics of business hours, against an oracle that looks at every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.sla.business_hours import BusinessHours, NeverOpenError, add, elapsed

MINUTE = timedelta(minutes=1)
OFFICE = ((9 * 60, 17 * 60),)
WORKING_WEEK = (OFFICE,) * 5 + ((),) * 2
#: Around both changes of the clock, where the rules differ: an hour, half an hour, at midnight's side of the world.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
CHANGES = tuple(
    datetime(2026, month, day, 12, tzinfo=UTC)
    for month, day in ((3, 27), (10, 23), (3, 6), (10, 30), (4, 3), (10, 2), (7, 1))
)


@st.composite
def hours(draw):
    """A week of whole quarter hours."""
    week = []
    for _ in range(7):
        marks = sorted(draw(st.sets(st.integers(0, 96), min_size=0, max_size=4)))
        marks = marks[: len(marks) // 2 * 2]
        week.append(tuple((marks[i] * 15, marks[i + 1] * 15) for i in range(0, len(marks), 2)))
    if not any(week):
        week[2] = OFFICE
    holidays = draw(st.sets(st.sampled_from([date(2026, 3, 30), date(2026, 10, 26), date(2026, 7, 3)]), max_size=2))
    return BusinessHours(draw(st.sampled_from(ZONES)), tuple(week), frozenset(holidays))


starts = st.builds(lambda change, minutes: change + minutes * MINUTE, st.sampled_from(CHANGES), st.integers(0, 4_000))


def counts(hours: BusinessHours, moment: datetime) -> bool:
    """Whether the minute that begins then is open, asked of each window on its own day by wall clock."""
    zone = ZoneInfo(hours.timezone)
    day = moment.astimezone(zone).date()
    for candidate in (day - timedelta(days=1), day, day + timedelta(days=1)):
        if candidate in hours.holidays:
            continue
        for opens, closes in hours.week[candidate.weekday()]:
            if wall(candidate, opens, zone) <= moment < wall(candidate, closes, zone):
                return True
    return False


def wall(day: date, minute: int, zone: ZoneInfo) -> datetime:
    whole_days, rest = divmod(minute, 24 * 60)
    local = datetime.combine(day + timedelta(days=whole_days), time(), zone) + timedelta(minutes=rest)
    return local.astimezone(UTC)


@settings(max_examples=60, deadline=None)
@given(hours(), starts, st.integers(1, 3_000))
def test_elapsed_is_what_a_look_at_every_minute_finds(hours, start, minutes):
    counted = sum(counts(hours, start + offset * MINUTE) for offset in range(minutes))
    assert elapsed(hours, start, start + minutes * MINUTE) == counted * MINUTE


@settings(max_examples=100, deadline=None)
@given(hours(), starts, st.integers(1, 5_000))
def test_adding_and_measuring_are_inverse(hours, start, minutes):
    end = add(hours, start, minutes * MINUTE)
    assert elapsed(hours, start, end) == minutes * MINUTE
    assert elapsed(hours, start, end - timedelta(microseconds=1)) < minutes * MINUTE


@settings(max_examples=60, deadline=None)
@given(hours(), starts, st.integers(0, 2_000), st.integers(0, 2_000))
def test_measures_add_up(hours, start, first, second):
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE
    assert elapsed(hours, start, middle) + elapsed(hours, middle, end) == elapsed(hours, start, end)


def test_a_working_day_over_the_weekend():
    friday = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    berlin = BusinessHours("Europe/Berlin", WORKING_WEEK)
    assert add(berlin, friday, timedelta(hours=4)) == datetime(2026, 11, 23, 11, 30, tzinfo=UTC)  # 12:30 on Monday


def test_a_holiday_does_not_count():
    berlin = BusinessHours("Europe/Berlin", WORKING_WEEK, frozenset({date(2026, 11, 23)}))
    friday = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    assert add(berlin, friday, timedelta(hours=4)) == datetime(2026, 11, 24, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ],
)
def test_a_whole_day_on_which_the_clock_is_changed(zone, day, hours):
    always = BusinessHours(zone, (((0, 24 * 60),),) * 7)
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    assert elapsed(always, start, end) == timedelta(hours=hours)


def test_around_the_clock_is_plain_time():
    start = datetime(2026, 3, 29, tzinfo=UTC)
    assert add(None, start, timedelta(hours=5)) == start + timedelta(hours=5)
    assert elapsed(None, start, start + timedelta(hours=5)) == timedelta(hours=5)


def test_a_calendar_that_never_opens_says_so():
    with pytest.raises(NeverOpenError):
        add(BusinessHours("UTC", ((),) * 7), datetime(2026, 1, 1, tzinfo=UTC), MINUTE)


@pytest.mark.parametrize("windows", [((600, 540),), ((540, 600), (590, 700)), ((540, 1441),)])
def test_hours_out_of_order_are_refused(windows):
    with pytest.raises(ValueError, match="in order"):
        BusinessHours("UTC", (windows,) + ((),) * 6)

"""When a scheduled report is due, against a clock that is walked minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.reports.cadence import Cadence, Every

#: Clocks that jump by an hour at 1, 2 or midnight, by half an hour, never, and over a whole day.
ZONES = ("Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
STEP = timedelta(minutes=15)  # All of these clocks are changed at quarters of an hour, and by some.


def walked(cadence: Cadence, moment: datetime) -> datetime:
    """The first quarter of an hour after the moment at which the clock has come to a matching day and hour, or past it,
    for the first time.
    """
    at = moment.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    farthest = at.astimezone(cadence.zone).replace(tzinfo=None)
    while True:
        at += STEP
        shown = at.astimezone(cadence.zone).replace(tzinfo=None)
        if shown <= farthest:  # Put back: shown before.
            continue
        passed = farthest + STEP
        while passed <= shown:
            matches = passed.weekday() if cadence.every is Every.WEEK else passed.day
            if (matches, passed.hour, passed.minute) == (cadence.on, cadence.hour, 0) and at > moment:
                return at
            passed += STEP
        farthest = shown


@st.composite
def cadences(draw: st.DrawFn) -> Cadence:
    every = draw(st.sampled_from(Every))
    on = draw(st.integers(0, 6) if every is Every.WEEK else st.integers(1, 28))
    return Cadence(every, on, draw(st.integers(0, 23)), ZoneInfo(draw(st.sampled_from(ZONES))))


#: Weeks in which the clocks above change, Samoa's lost Friday of 2011 among them, and any other.
moments = st.one_of(
    st.datetimes(datetime(2011, 12, 20), datetime(2012, 1, 5)),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 4, 10)),
    st.datetimes(datetime(2026, 9, 20), datetime(2026, 11, 10)),
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(deadline=None, max_examples=150)
@given(cadences(), moments)
def test_the_next_is_when_the_clock_first_comes_to_it(cadence: Cadence, moment: datetime):
    assert cadence.next_after(moment).at == walked(cadence, moment)


@given(cadences(), moments)
def test_the_latest_is_the_one_before_the_next(cadence: Cadence, moment: datetime):
    upcoming, latest = cadence.next_after(moment), cadence.latest_until(moment)
    assert latest.at <= moment < upcoming.at
    assert cadence.next_after(latest.at) == upcoming


@given(cadences(), moments)
def test_every_day_is_in_one_report(cadence: Cadence, moment: datetime):
    """The days of each report begin after those of the one before, whatever the clocks do."""
    one = cadence.latest_until(moment)
    another = cadence.next_after(one.at)
    first, last = cadence.days_before(another.day)
    assert cadence.days_before(one.day)[1] + timedelta(days=1) == first <= last == another.day - timedelta(days=1)


def test_days_and_hours_of_an_office():
    """By hand: Mondays at 08:00 in Berlin, over the end of summer time on 25 October 2026; and months."""
    weekly = Cadence(Every.WEEK, 0, 8, ZoneInfo("Europe/Berlin"))
    first = weekly.next_after(datetime(2026, 10, 18, tzinfo=UTC))
    assert (first.day, first.at) == (date(2026, 10, 19), datetime(2026, 10, 19, 6, tzinfo=UTC))
    second = weekly.next_after(first.at)
    assert second.at == datetime(2026, 10, 26, 7, tzinfo=UTC)
    assert weekly.days_before(second.day) == (date(2026, 10, 19), date(2026, 10, 25))
    monthly = Cadence(Every.MONTH, 1, 2, ZoneInfo("Europe/Berlin"))
    assert monthly.days_before(date(2026, 3, 1)) == (date(2026, 2, 1), date(2026, 2, 28))
    # 02:00 does not exist on 29 March: a weekly report on Sundays comes at the jump, 03:00.
    skipped = Cadence(Every.WEEK, 6, 2, ZoneInfo("Europe/Berlin"))
    assert skipped.next_after(datetime(2026, 3, 28, tzinfo=UTC)).at == datetime(2026, 3, 29, 1, tzinfo=UTC)

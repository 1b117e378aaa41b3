"""The final schedule against an oracle that knows nothing of its code.

The oracle walks through time minute by minute and asks ``zoneinfo`` what the clock on the wall shows. What the clock
has shown at most so far decides: a wall-clock time has come once the clock has shown it or a later one.
"""

from __future__ import annotations

import time as stopwatch
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, WEEKLY, rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.schedules.restrictions import WEEKDAYS, read_restrictions, windows_of
from incidents.schedules.rotation import Turns, Unit, first_handover
from incidents.schedules.shifts import LayerPlan, OverridePlan, SchedulePlan, Shift, Source, final_shifts
from incidents.schedules.wall_clock import WallClock, local_seconds, moment_of

ADA, BOB, CID, DOT = (UUID(int=number) for number in range(1, 5))
# The weekends on which the clocks change: (zone, a moment some days before).
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 26, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 22, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 5, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 29, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 2, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 1, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 22, tzinfo=UTC)),  # The clocks jump at midnight.
    ("UTC", datetime(2026, 6, 1, tzinfo=UTC)),
]
MINUTE = timedelta(minutes=1)


def layer(
    number: int = 1,
    *,
    zone: str,
    people: tuple[UUID, ...],
    starts_at: datetime,
    ends_at: datetime | None = None,
    unit: Unit = Unit.DAYS,
    interval: int = 1,
    handover: time = time(9),
    weekday: int | None = None,
    restrictions: list[dict[str, object]] | None = None,
) -> LayerPlan:
    local = starts_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    anchor = first_handover(local, unit=unit, interval=interval, handover_time=handover, handover_weekday=weekday)
    return LayerPlan(
        source=Source("layer", UUID(int=100 + number), f"layer {number}"),
        turns=Turns(anchor, interval * unit.seconds, people),
        starts_at=starts_at,
        ends_at=ends_at,
        windows=windows_of(read_restrictions(restrictions or [])),
    )


def minutes(start: datetime, end: datetime, zone: str) -> Iterator[tuple[datetime, datetime, datetime]]:
    """Each minute: the moment, and the latest local time that the clock has shown until then, from a day before on."""
    at, latest = start - timedelta(days=1), datetime.min
    while at < end:
        latest = max(latest, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        if at >= start:
            yield at, latest, at
        at += MINUTE


def shift_at(shifts: list[Shift], at: datetime) -> Shift:
    return next(shift for shift in shifts if shift.start <= at < shift.end)


# ---- Rotations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "before"), CHANGES, ids=[f"{zone}-{start:%b}" for zone, start in CHANGES])
@pytest.mark.parametrize("handover", [time(0), time(1, 30), time(2), time(2, 30), time(9)], ids=str)
@pytest.mark.parametrize("weekly", [False, True], ids=["daily", "weekly"])
def test_handovers_around_a_change_of_clocks(zone: str, before: datetime, handover: time, weekly: bool):
    """Independently: dateutil lists the hand-overs on the wall, zoneinfo says what the wall shows each minute."""
    people = (ADA, BOB, CID)
    begin = before - timedelta(days=3)
    plan_layer = layer(
        zone=zone,
        people=people,
        starts_at=begin,
        unit=Unit.WEEKS if weekly else Unit.DAYS,
        handover=handover,
        weekday=6 if weekly else None,  # On the Sunday of the change.
    )
    shifts = final_shifts(SchedulePlan(ZoneInfo(zone), (plan_layer,)), before, before + timedelta(days=8))

    wall = begin.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    rule = rrule(
        WEEKLY if weekly else DAILY,
        dtstart=datetime.combine(wall.date() - timedelta(days=8), handover),
        until=wall + timedelta(days=30),
        byweekday=6 if weekly else None,
    )
    later = [moment for moment in rule if moment > wall]
    for at, latest, _ in minutes(before, before + timedelta(days=8), zone):
        past = sum(1 for moment in later if moment <= latest)
        assert shift_at(shifts, at).user == people[past % 3], at


clock_times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
weekdays = st.sampled_from(WEEKDAYS)


def written(clock_time: time) -> str:
    return clock_time.isoformat("minutes")


daily_windows = (
    st.tuples(clock_times, clock_times, st.sets(weekdays, max_size=3))
    .filter(lambda w: w[0] != w[1])
    .map(lambda w: {"kind": "daily", "start": written(w[0]), "end": written(w[1]), "weekdays": sorted(w[2])})
)
weekly_windows = (
    st.tuples(weekdays, clock_times, weekdays, clock_times)
    .filter(lambda w: w[:2] != w[2:])
    .map(
        lambda w: {
            "kind": "weekly",
            "start_weekday": w[0],
            "start": written(w[1]),
            "end_weekday": w[2],
            "end": written(w[3]),
        }
    )
)
layer_fields = st.fixed_dictionaries(
    {
        "people": st.lists(st.sampled_from([ADA, BOB, CID, DOT]), max_size=4).map(tuple),
        "unit": st.sampled_from(list(Unit)),
        "interval": st.integers(1, 13),
        "handover": clock_times,
        "weekday": st.none() | st.integers(0, 6),
        "restrictions": st.lists(daily_windows | weekly_windows, max_size=2),
        "begins": st.integers(-40 * 96, 3 * 96),
        "lasts": st.none() | st.integers(1, 50 * 96),
    }
)
override_fields = st.tuples(st.sampled_from([ADA, BOB]), st.integers(-96, 400), st.integers(1, 200))


def oracle_user(fields: dict, begin: datetime, end: datetime | None, zone: str, at: datetime, latest: datetime):
    """Whom one layer has on call, by walking through the hand-overs on the wall and the windows of the days."""
    if at < begin or (end is not None and at >= end) or not fields["people"]:
        return None
    wall = begin.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    step = timedelta(**{fields["unit"].value: fields["interval"]})
    handover = datetime.combine(wall.date(), fields["handover"])
    if fields["unit"] is Unit.WEEKS and fields["weekday"] is not None:
        while handover.weekday() != fields["weekday"]:
            handover -= timedelta(days=1)
    while handover > wall:
        handover -= timedelta(weeks=1) if fields["unit"] is Unit.WEEKS else timedelta(days=1)
    while fields["unit"] is Unit.HOURS and handover + step <= wall:
        handover += step
    turn = (latest - handover) // step
    if fields["restrictions"] and not any(oracle_open(window, latest) for window in fields["restrictions"]):
        return None
    return fields["people"][max(turn, 0) % len(fields["people"])]


def oracle_open(window: dict, latest: datetime) -> bool:
    start, end = time.fromisoformat(window["start"]), time.fromisoformat(window["end"])
    for back in range(9):
        day = latest.date() - timedelta(days=back)
        name = WEEKDAYS[day.weekday()]
        opens = closes = datetime.combine(day, start)
        if window["kind"] == "daily":
            if window["weekdays"] and name not in window["weekdays"]:
                continue
            closes = datetime.combine(day + timedelta(days=end <= start), end)
        elif name == window["start_weekday"]:
            days = (WEEKDAYS.index(window["end_weekday"]) - day.weekday()) % 7
            closes = datetime.combine(day + timedelta(days=days), end)
            if closes <= opens:
                closes += timedelta(days=7)
        if opens <= latest < closes:
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    layers=st.lists(layer_fields, max_size=3),
    overrides=st.lists(override_fields, max_size=2),
    absent=st.sets(st.sampled_from([ADA, BOB, CID, DOT]), max_size=2),
)
def test_the_final_schedule_is_the_oracles(change, layers, overrides, absent):
    zone, start = change
    end = start + timedelta(days=5)
    quarter = timedelta(minutes=15)
    spans = [
        (start + f["begins"] * quarter, f["lasts"] and start + (f["begins"] + f["lasts"]) * quarter) for f in layers
    ]
    plans = [
        layer(
            number,
            zone=zone,
            starts_at=span[0],
            ends_at=span[1],
            **{key: value for key, value in fields.items() if key not in ("begins", "lasts")},
        )
        for number, (fields, span) in enumerate(zip(layers, spans, strict=True))
    ]
    exceptions = [
        OverridePlan(
            Source("override", UUID(int=200 + n), ""), user, start + s * quarter, start + (s + length) * quarter
        )
        for n, (user, s, length) in enumerate(overrides)
    ]
    plan = SchedulePlan(ZoneInfo(zone), tuple(plans), tuple(exceptions), frozenset(absent))
    shifts = final_shifts(plan, start, end)

    assert (shifts[0].start, shifts[-1].end) == (start, end)
    assert all(one.end == two.start and one.start < one.end for one, two in pairwise(shifts))
    for at, latest, _ in minutes(start, end, zone):
        if at.minute % 15:
            continue
        said = [one.user for one in exceptions if one.starts_at <= at < one.ends_at]
        said += [oracle_user(f, *span, zone, at, latest) for f, span in zip(layers, spans, strict=True)]
        present = [user for user in said if user is not None and user not in absent]
        missing = [user for user in said if user is not None and user in absent]
        found = shift_at(shifts, at)
        assert found.user == (present[0] if present else None), at
        assert found.missing == (missing[0] if missing and not present else None), at


# ---- The clock -------------------------------------------------------------------------------------------------


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"]),
    local=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)),
    later=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_wall_clock_times_keep_their_order(zone: str, local: datetime, later: timedelta):
    clock = WallClock(ZoneInfo(zone))
    first, second = (clock.first_moment(local_seconds(one)) for one in (local, local + later))
    assert first <= second
    assert clock.shown_at(first) >= local_seconds(local)
    assert clock.shown_at(first - 1) < local_seconds(local)


def test_a_skipped_time_comes_at_the_jump_and_a_repeated_one_once():
    clock = WallClock(ZoneInfo("Europe/Berlin"))
    skipped = clock.first_moment(local_seconds(datetime(2026, 3, 29, 2, 30)))
    assert skipped == moment_of(datetime(2026, 3, 29, 1, tzinfo=UTC))
    repeated = clock.first_moment(local_seconds(datetime(2026, 10, 25, 2, 30)))
    assert repeated == moment_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))


# ---- Figures that a person can check ------------------------------------------------------------------------------


def test_nights_over_a_week_leave_the_days_to_the_next_layer():
    zone, monday = "Europe/Berlin", datetime(2026, 11, 2, 8, tzinfo=UTC)  # 09:00 on the wall.
    nights = [{"kind": "daily", "start": "20:00", "end": "08:00"}]
    plan = SchedulePlan(
        ZoneInfo(zone),
        (
            layer(1, zone=zone, people=(ADA,), starts_at=monday, restrictions=nights),
            layer(2, zone=zone, people=(BOB,), starts_at=monday),
        ),
    )
    found = [(s.start.hour, s.user) for s in final_shifts(plan, monday, monday + timedelta(days=1))]
    assert found == [(8, BOB), (19, ADA), (7, BOB)]


def test_the_later_override_wins_and_nobody_is_named_where_nobody_is():
    start = datetime(2026, 11, 2, tzinfo=UTC)
    hour = timedelta(hours=1)
    newer = OverridePlan(Source("override", UUID(int=2), ""), BOB, start + 2 * hour, start + 4 * hour)
    older = OverridePlan(Source("override", UUID(int=1), ""), ADA, start + hour, start + 3 * hour)
    shifts = final_shifts(SchedulePlan(ZoneInfo("UTC"), (), (newer, older)), start, start + 5 * hour)
    assert [(s.start.hour, s.end.hour, s.user) for s in shifts] == [
        (0, 1, None),
        (1, 2, ADA),
        (2, 4, BOB),
        (4, 5, None),
    ]


def test_a_year_of_ten_layers_is_quick():
    """A few milliseconds; the bound leaves room for a slow machine and still refuses anything quadratic."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    nights = [{"kind": "daily", "start": "20:00", "end": "08:00"}]
    layers = tuple(
        layer(n, zone="Europe/Berlin", people=(ADA, BOB, CID), starts_at=start, restrictions=nights) for n in range(10)
    )
    plan = SchedulePlan(ZoneInfo("Europe/Berlin"), layers)
    best = min(_timed(plan, start) for _ in range(3))
    assert best < 0.1


def _timed(plan: SchedulePlan, start: datetime) -> float:
    begun = stopwatch.perf_counter()
    final_shifts(plan, start, start + timedelta(days=365))
    return stopwatch.perf_counter() - begun

"""The mathematics of a policy: when each step is due, and how urgent it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.escalation.definition import DEFAULT_URGENCY, read_policy
from incidents.escalation.plan import LAST_RESORT, Hours, Position, UrgencyRule, plan_of, timetable, urgency_of

MONDAY_NIGHT = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
USER = {"type": "user", "id": str(uuid4())}


def frozen(delays: list[int], *, repeat_count: int = 0, repeat_delay: int = 5, **more: Any) -> dict[str, Any]:
    return {
        "id": None,
        "name": "x",
        "steps": [{"delay_minutes": delay, "targets": [USER]} for delay in delays],
        "repeat_count": repeat_count,
        "repeat_delay_minutes": repeat_delay,
        "acknowledgement_timeout_minutes": None,
        "urgency": DEFAULT_URGENCY,
        **more,
    }


def test_each_step_comes_its_delay_after_the_one_before_and_rounds_keep_their_distance():
    dues = list(timetable(plan_of(frozen([0, 5, 10], repeat_count=1, repeat_delay=20)), MONDAY_NIGHT))
    minutes = [(due.at - MONDAY_NIGHT) / timedelta(minutes=1) for due in dues]
    assert minutes == [0, 5, 15, 35, 40, 50, 70]
    assert dues[3].position == Position(2, 1)
    assert dues[-1].position == Position(3, LAST_RESORT)


@given(
    st.lists(st.integers(0, 600), min_size=1, max_size=8),
    st.integers(0, 4),
    st.integers(1, 600),
)
def test_every_step_of_every_round_comes_once_and_in_order_and_then_the_last_resort(
    delays: list[int], repeats: int, distance: int
):
    dues = list(timetable(plan_of(frozen(delays, repeat_count=repeats, repeat_delay=distance)), MONDAY_NIGHT))
    wanted = [(number + 1, level + 1) for number in range(repeats + 1) for level in range(len(delays))]
    assert [(due.position.round, due.position.level) for due in dues] == [*wanted, (repeats + 2, LAST_RESORT)]
    assert all(a.at <= b.at for a, b in pairwise(dues))
    total = (sum(delays) + distance) * (repeats + 1)
    assert dues[-1].at - MONDAY_NIGHT == timedelta(minutes=total)


def _hours(days: set[int], start: str, end: str, zone: str = "Europe/Berlin") -> Hours:
    stored = {"timezone": zone, "days": sorted(days), "from": start, "to": end}
    hours = urgency_of({**DEFAULT_URGENCY, "hours": stored}).hours
    assert hours is not None
    return hours


@pytest.mark.parametrize(
    ("days", "start", "end", "at", "inside"),
    [
        ({1}, "08:00", "18:00", datetime(2026, 11, 23, 7, 0, tzinfo=UTC), True),  # 08:00 in Berlin.
        ({1}, "08:00", "18:00", datetime(2026, 11, 23, 17, 0, tzinfo=UTC), False),  # 18:00 is outside.
        ({7}, "22:00", "06:00", datetime(2026, 11, 23, 4, 0, tzinfo=UTC), True),  # Monday 5:00: Sunday's night.
        ({1}, "22:00", "06:00", datetime(2026, 11, 23, 4, 0, tzinfo=UTC), False),
        ({1}, "00:00", "00:00", datetime(2026, 11, 23, 22, 59, tzinfo=UTC), True),  # The whole of Monday,
        ({1}, "00:00", "00:00", datetime(2026, 11, 23, 23, 1, tzinfo=UTC), False),  # which ends at 23:00 UTC.
        ({7}, "08:00", "18:00", datetime(2026, 10, 25, 7, 30, tzinfo=UTC), True),  # Clocks went back that night.
        ({7}, "08:00", "18:00", datetime(2026, 10, 25, 6, 30, tzinfo=UTC), False),
    ],
)
def test_hours_are_read_in_their_own_time_zone(days: set[int], start: str, end: str, at: datetime, inside: bool):
    assert _hours(days, start, end).contain(at) is inside


def test_urgency_is_by_severity_and_by_hour():
    rule = UrgencyRule(
        always_high=frozenset({"critical"}),
        high_in_hours=frozenset({"medium"}),
        hours=_hours({1, 2, 3, 4, 5}, "08:00", "18:00"),
    )
    noon = MONDAY_NIGHT.replace(hour=12)
    assert rule.is_high("critical", MONDAY_NIGHT) and rule.is_high("medium", noon)
    assert not rule.is_high("medium", MONDAY_NIGHT) and not rule.is_high("low", noon)


def faults(**changes: Any) -> set[str]:
    definition = {name: value for name, value in frozen([0]).items() if name not in ("id", "name")}
    return {name for name, _ in read_policy(**{**definition, **changes}).faults}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"steps": []}, "steps"),
        ({"steps": [{"delay_minutes": -1, "targets": [USER]}]}, "steps[0].delay_minutes"),
        ({"steps": [{"delay_minutes": True, "targets": [USER]}]}, "steps[0].delay_minutes"),
        ({"steps": [{"targets": []}]}, "steps[0].targets"),
        ({"steps": [{"targets": [{"type": "dog", "id": USER["id"]}]}]}, "steps[0].targets[0].type"),
        ({"steps": [{"targets": [{"type": "user", "id": "Ada"}]}]}, "steps[0].targets[0].id"),
        ({"steps": [{"targets": [USER], "delay": 5}]}, "steps[0].delay"),
        ({"repeat_count": 21}, "repeat_count"),
        ({"repeat_delay_minutes": 0}, "repeat_delay_minutes"),
        ({"acknowledgement_timeout_minutes": 0}, "acknowledgement_timeout_minutes"),
        ({"urgency": {"always_high": ["terrible"]}}, "urgency.always_high"),
        ({"urgency": {"high_in_hours": ["low"]}}, "urgency.hours"),
        (
            {"urgency": {"hours": {"timezone": "Mars", "days": [8], "from": "8", "to": "25:00"}}},
            "urgency.hours.timezone",
        ),
    ],
)
def test_a_fault_is_named_by_its_place(changes: dict[str, Any], where: str):
    assert where in faults(**changes)


def test_a_sound_policy_has_no_fault():
    assert faults() == set()

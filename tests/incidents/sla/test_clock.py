from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.sla.clock import Clock, Run
from incidents.sla.regulatory import TEMPLATES, after, due_times, faults_of, template
from incidents.sla.targets import DEFAULT_TARGETS, minutes_in_words, parse_minutes
from incidents.sla.targets import faults_of as target_faults

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9), st.integers(1, 2_000))
def test_pauses_move_the_due_time_by_their_length(minutes, target):
    """Runs and pauses in turn: due when the running time is used up, whatever lies between."""
    clock = Clock(timedelta(minutes=target), None, ())
    moment, ran = START, 0
    for index, length in enumerate(minutes):
        if index % 2 == 0:
            clock = clock.resumed(moment)
            ran += length
        else:
            clock = clock.paused(moment)
        moment += timedelta(minutes=length)
    assert clock.consumed(moment) == timedelta(minutes=ran)
    assert clock.remaining(moment) == timedelta(minutes=target - ran)
    if clock.is_running or ran >= target:
        due = clock.due_at()
        assert due is not None
        assert clock.consumed(due) == timedelta(minutes=target)
    else:
        assert clock.due_at() is None


def test_a_paused_clock_is_not_due_and_resuming_goes_on_where_it_stood():
    clock = Clock(2 * HOUR, None, (Run(START),)).paused(START + HOUR)
    assert clock.due_at() is None
    assert clock.resumed(START + 5 * HOUR).due_at() == START + 6 * HOUR


def test_what_was_used_up_in_an_earlier_run_was_due_then():
    clock = Clock(HOUR, None, (Run(START, START + 3 * HOUR), Run(START + 9 * HOUR)))
    assert clock.due_at() == START + HOUR


def test_another_target_over_the_same_runs():
    clock = Clock(4 * HOUR, None, (Run(START),))
    assert clock.measured_by(HOUR, None).due_at() == START + HOUR


@pytest.mark.parametrize(("text", "minutes"), [("15 min", 15), ("4h", 240), ("1 d 12 h", 2160), ("90m", 90)])
def test_durations_are_read_as_people_write_them(text, minutes):
    assert parse_minutes(text) == minutes
    assert parse_minutes(minutes_in_words(minutes)) == minutes


@pytest.mark.parametrize("text", ["", "soon", "0 min", "-4 h", "4 h or so", "4000 d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="such as"):
        parse_minutes(text)


def test_the_default_targets_are_those_of_the_product():
    assert target_faults(DEFAULT_TARGETS) == []
    words = {p: tuple(minutes_in_words(m) for m in t.values()) for p, t in DEFAULT_TARGETS.items()}
    assert words == {
        "P1": ("15 min", "4 h"),
        "P2": ("1 h", "8 h"),
        "P3": ("4 h", "3 d"),
        "P4": ("1 d", "5 d"),
    }


def test_faulty_targets_are_named():
    faults = dict(target_faults({"P1": {"response_minutes": 0}, "P9": {}, "P2": 3, "P3": {"reply": 1}}))
    assert set(faults) == {"targets", "targets.P1.response_minutes", "targets.P2", "targets.P3.reply"}


# ---- Reporting duties ----------------------------------------------------------------------------------------------


def test_nis2_counts_the_final_report_from_the_notification():
    nis2 = template("nis2")
    assert nis2 is not None
    due = due_times(nis2.milestones, aware_at=START, classified_at=None, recorded={})
    assert due["Early warning"] == START + 24 * HOUR
    assert due["Incident notification"] == START + 72 * HOUR
    assert due["Final report"] == datetime(2026, 12, 23, 8, tzinfo=UTC)
    sent = START + 30 * HOUR
    due = due_times(nis2.milestones, aware_at=START, classified_at=None, recorded={"Incident notification": sent})
    assert due["Final report"] == datetime(2026, 12, 21, 14, tzinfo=UTC)


def test_dora_takes_the_earlier_of_its_two_bounds():
    dora = template("dora")
    assert dora is not None
    soon = due_times(dora.milestones, aware_at=START, classified_at=START + 2 * HOUR, recorded={})
    assert soon["Initial notification"] == START + 6 * HOUR
    late = due_times(dora.milestones, aware_at=START, classified_at=START + 23 * HOUR, recorded={})
    assert late["Initial notification"] == START + 24 * HOUR
    too_late = due_times(dora.milestones, aware_at=START, classified_at=START + 30 * HOUR, recorded={})
    assert too_late["Initial notification"] == START + 34 * HOUR


@pytest.mark.parametrize("one", TEMPLATES, ids=lambda one: one.slug)
def test_templates_are_without_fault_and_cite_their_source(one):
    assert faults_of(one.stored_milestones()) == []
    assert one.source and all(milestone.citation for milestone in one.milestones)


def test_a_month_after_the_last_of_january_is_the_last_of_february():
    assert after(datetime(2027, 1, 31, 9, tzinfo=UTC), 1, "months") == datetime(2027, 2, 28, 9, tzinfo=UTC)
    assert after(datetime(2026, 12, 15, tzinfo=UTC), 1, "months") == datetime(2027, 1, 15, tzinfo=UTC)


def test_faulty_milestones_are_named():
    faults = dict(faults_of([{"name": "A", "amount": 0}, {"name": "B", "amount": 1, "after": "C"}, 5]))
    assert set(faults) == {"milestones[0].amount", "milestones[1].after", "milestones[2]"}

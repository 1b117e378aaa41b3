"""What is kept of each day is what the incidents say, after any change and however late it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from incident_center.kernel.scope import Actor, no_scope
from incidents.actions.figures_roll_up import figures_roll_up
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_open import DetectedProblem, incident_open
from incidents.actions.incident_unmerge import incident_unmerge
from incidents.actions.incident_update import incident_update
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.analytics.facts import Measure
from incidents.analytics.period import DAY, Period, day_of
from incidents.analytics.source import Choice, changed_days, counted_with
from incidents.analytics.sweep import organizations_to_count, set_gauges
from incidents.lifecycle import Status
from incidents.metrics import time_to_acknowledge_recent
from incidents.models import ChangedDay, DailyFigure
from organizations.access import Role
from organizations.models import Organization
from tests.factories import World, make_world
from tests.incidents.escalation.factories import make_policy, sweep_at, user_id
from tests.incidents.factories import open_incident


def everything(choice: Choice, changed: Sequence[date] | None = None) -> list[tuple[Any, ...]]:
    """Every fact, by all and by service; with ``changed`` those days are counted from the incidents, the rest kept."""
    rows = []
    for by in (("day", "measure", "key"), ("day", "service_id", "measure", "key")):
        changed_now = changed_days(choice.period) if changed is None else changed
        found = counted_with(choice, Measure, by=by, changed=changed_now)
        rows += sorted((*map(str, row[:-1]), round(row[-1], 3)) for row in found)
    return rows


def week(zone: str = "UTC") -> Choice:
    today = day_of(timezone.now(), zone)
    return Choice(Period(today - DAY, today + 12 * DAY, zone))


def roll_up() -> None:
    while figures_roll_up(most_days=3):
        pass


def test_late_changes_are_counted_at_once_and_kept_rightly_afterwards(world: World, monkeypatch: pytest.MonkeyPatch):
    start, choice = timezone.now(), week()
    service = world.service()
    with world.scope():
        incident = open_incident(world, service=service)
        other, last = open_incident(world), open_incident(world)
        about: dict[str, Any] = {"incident_id": incident.pk, "actor": world.actor}
        steps = [
            lambda: incident_acknowledge(**about),
            lambda: incident_change_status(**about, status=Status.RESOLVED),
            lambda: incident_note(**about, body="It was nothing."),
            lambda: incident_change_status(**about, status=Status.INVESTIGATING, reason="It is back."),
            lambda: incident_change_status(**about, status=Status.RESOLVED),
            lambda: incident_update(**about, changes={"severity": "low"}),
            lambda: incident_merge(**about, into_id=other.pk),
            lambda: incident_unmerge(**about),
            lambda: incident_withdraw(**about, reason="A drill."),
            lambda: incident_change_status(incident_id=last.pk, actor=world.actor, status=Status.RESOLVED),
        ]
        for number, step in enumerate(steps, start=1):
            roll_up()
            monkeypatch.setattr(timezone, "now", lambda moment=start + number * DAY: moment)
            before = everything(choice)
            step()
            direct = everything(choice, choice.period.days)
            assert everything(choice) == direct, f"step {number}, before it is counted"
            assert direct != before or number in (3, 8)
            roll_up()
            assert changed_days(choice.period) == []
            assert everything(choice, []) == direct, f"step {number}, kept"


def test_a_page_that_nobody_asked_for_counts_on_a_day_that_was_counted(world: World):
    with world.scope():
        make_policy(world, [(0, [user_id(world, Role.OWNER)]), (5, [user_id(world, Role.ENGINEER)])])
        incident, choice = open_incident(world), week()
        roll_up()
        before = everything(choice, [])
        sweep_at(incident.opened_at + timedelta(minutes=5))
        direct = everything(choice, choice.period.days)
        assert direct != before
        assert everything(choice) == direct
        roll_up()
        assert everything(choice, []) == direct


def test_other_clocks_make_other_days(world: World):
    with world.scope():
        open_incident(world)
        roll_up()
        Organization.objects.filter(pk=world.organization.pk).update(timezone="Pacific/Kiritimati")
        choice = week("Pacific/Kiritimati")
        assert changed_days(choice.period) == choice.period.days
        direct = everything(choice)
        with no_scope():
            assert world.organization.pk in organizations_to_count(1_000)
        roll_up()
        assert everything(choice, []) == direct
        with no_scope():
            assert world.organization.pk not in organizations_to_count(1_000)


def test_a_flood_marks_no_day_and_one_organization_does_not_see_the_others_figures(world: World):
    with world.scope():
        open_incident(world, key="db-down")
        roll_up()
        problem = DetectedProblem(dedup_key="db-down")
        incident_open(title="Again", severity="high", actor=Actor.system("detection"), problem=problem)
        assert not ChangedDay.objects.exists()
        assert DailyFigure.objects.exists()
    with make_world().scope():
        assert not DailyFigure.objects.exists()


def test_prometheus_gets_the_same_mean(world: World):
    with world.scope():
        incident = open_incident(world)
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
        incident.refresh_from_db()
        seconds = (incident.acknowledged_at - incident.opened_at).total_seconds()
        roll_up()
    with no_scope():
        set_gauges()
    gauge = time_to_acknowledge_recent.labels("mean")
    assert gauge._value.get() == pytest.approx(seconds, abs=0.002)

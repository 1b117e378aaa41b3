"""The figures, against cases that were counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client

from incidents.analytics import selectors
from incidents.analytics.definitions import quantile_of_bins
from incidents.analytics.parameters import choice_of
from incidents.analytics.period import Period
from incidents.analytics.source import Choice
from incidents.lifecycle import Status
from incidents.models import Escalation, EscalationStepRun, Incident, SlaClock, SlaPolicy
from organizations.access import Role
from organizations.actions.teams import team_create
from organizations.models import Organization
from tests.factories import World
from tests.incidents.factories import open_incident

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: A Monday, at noon in Berlin.
MONDAY = datetime(2026, 6, 1, 10, tzinfo=UTC)
WEEK = Period(MONDAY.date(), MONDAY.date() + timedelta(days=6), "Europe/Berlin")
_numbers = count(1_000)


@pytest.fixture
def berlin(world: World) -> World:
    with world.scope():
        Organization.objects.filter(pk=world.organization.pk).update(timezone="Europe/Berlin")
    return world


def past(at: datetime, *, acknowledged: timedelta | None = None, resolved: timedelta | None = None, **fields: Any):
    """An incident of the past, by its times after opening."""
    incident = Incident.objects.create(
        number=next(_numbers), title="Past", opened_at=at, **{"severity": "high", "priority": "P2", **fields}
    )
    if acknowledged is not None:
        incident.acknowledged_at = at + acknowledged
    if resolved is not None:
        incident.status, incident.resolved_at = Status.RESOLVED, at + resolved
    incident.save()
    return incident


def test_means_count_what_was_acknowledged_and_resolved_in_the_period(berlin):
    with berlin.scope():
        past(MONDAY, acknowledged=4 * MINUTE, resolved=HOUR)
        past(MONDAY, acknowledged=10 * MINUTE)  # Open, or reopened and acknowledged again.
        past(MONDAY, severity="low")
        past(MONDAY - timedelta(days=7), acknowledged=6 * MINUTE, resolved=timedelta(days=7))  # Resolved in the week.
        past(MONDAY, acknowledged=HOUR, resolved=HOUR, withdrawn_at=MONDAY)
        into = past(MONDAY + timedelta(days=9))
        past(MONDAY, acknowledged=HOUR, resolved=HOUR, merged_into=into, merged_at=MONDAY)
        found = selectors.summary(Choice(WEEK))
        before = selectors.summary(Choice(WEEK.before))
    assert (found.whole.opened, found.whole.acknowledged, found.whole.resolved) == (3, 2, 2)
    assert found.whole.mtta_seconds == 7 * 60
    assert found.whole.mttr_seconds == (3_600 + 7 * 86_400) / 2
    assert {group.name: group.opened for group in found.severities} == {"critical": 0, "high": 2, "medium": 0, "low": 1}
    assert (before.whole.opened, before.whole.mtta_seconds, before.whole.mttr_seconds) == (1, 360, None)


def test_median_and_p90_are_within_five_per_cent(berlin):
    minutes = [1, 2, 3, 5, 8, 13, 21, 34, 55, 1_440]
    with berlin.scope():
        for each in minutes:
            past(MONDAY, acknowledged=each * MINUTE)
        times = selectors.summary(Choice(WEEK)).whole.time_to_acknowledge
    assert times.mean_seconds == 60 * sum(minutes) / 10
    assert times.median_seconds == pytest.approx(8 * 60, rel=0.05)
    assert times.p90_seconds == pytest.approx(55 * 60, rel=0.05)
    assert quantile_of_bins({}, 0.5) is None


def test_days_and_hours_are_those_of_the_organization(berlin):
    with berlin.scope():
        past(MONDAY - 12 * HOUR)  # Midnight in Berlin: the first moment of Monday.
        past(MONDAY - 12 * HOUR - timedelta(microseconds=1))
        past(MONDAY + timedelta(days=6, hours=11))  # Sunday at 23.
        found = selectors.trends(Choice(WEEK))
    assert [point.group.opened for point in found.points] == [1, 0, 0, 0, 0, 0, 1]
    assert found.hour_of_week[0][0] == found.hour_of_week[6][23] == 1


def test_services_and_teams_can_be_told_apart(berlin):
    service, other = berlin.service(), berlin.service()
    with berlin.scope():
        service.team = team_create(actor=berlin.actor, name="Payments")
        service.save()
        past(MONDAY, service=service, acknowledged=MINUTE)
        past(MONDAY, service=other, acknowledged=3 * MINUTE)
        past(MONDAY)
        found = selectors.summary(Choice(WEEK))
        of_team = choice_of(QueryDict(f"team={service.team.pk}&from=2026-06-01&to=2026-06-07"), MONDAY)
        alone = selectors.summary(Choice(WEEK, (service.pk,)))
    assert {group.name: group.mtta_seconds for group in found.services} == {service.name: 60, other.name: 180, "": None}
    assert {group.name: group.opened for group in found.teams} == {"Payments": 1, "": 2}
    assert of_team == Choice(WEEK, (service.pk,))
    assert (alone.whole.opened, alone.whole.mtta_seconds, len(alone.services)) == (1, 60, 1)


def clock(incident: Incident, kind: str, **fields: Any) -> None:
    policy = SlaPolicy.objects.get(is_default=True)
    values = {"policy": policy, "target_seconds": 60, "started_at": MONDAY, "state": "stopped", **fields}
    SlaClock.objects.create(incident=incident, kind=kind, **values)


def test_a_target_is_missed_when_it_was_due_and_what_was_cancelled_is_left_out(berlin):
    late = MONDAY + timedelta(days=30)
    with berlin.scope():
        kept, running, merged = past(MONDAY), past(MONDAY), past(MONDAY)
        clock(kept, "response", outcome="met", stopped_at=MONDAY)
        clock(kept, "resolution", outcome="missed", breached_at=MONDAY, stopped_at=late)
        clock(running, "response", state="running", breached_at=MONDAY)
        clock(running, "resolution", outcome="cancelled", breached_at=MONDAY, stopped_at=MONDAY)
        clock(merged, "response", outcome="met", stopped_at=MONDAY)
        merged.merged_into, merged.merged_at = kept, MONDAY
        merged.save()
        found = selectors.sla_figures(Choice(WEEK))
    assert (found.whole.met, found.whole.missed, found.whole.share) == (1, 2, 0.3333)
    assert {each.name: (each.met, each.missed) for each in found.kinds} == {
        "response": (1, 1),
        "resolution": (0, 1),
        "milestone": (0, 0),
    }
    assert found.points[0].missed == 2


def page(world: World, incident: Incident, at: datetime, *people: Any) -> None:
    escalation = Escalation.objects.create(
        incident=incident, policy={"name": "x"}, state="completed", cause="by_hand", started_at=at
    )
    EscalationStepRun.objects.create(
        escalation=escalation, round=1, level=1, due_at=at, at=at, people=[str(each) for each in people], urgency="high"
    )


def test_pages_fall_on_people_and_their_hours(berlin):
    ada, bob = berlin.user(Role.OWNER), berlin.user(Role.ENGINEER)
    with berlin.scope():
        incident = past(MONDAY, withdrawn_at=MONDAY)
        past(MONDAY)
        page(berlin, incident, MONDAY, ada.pk, bob.pk)
        page(berlin, incident, MONDAY.replace(hour=16), ada.pk)  # 18:00 in Berlin.
        page(berlin, incident, MONDAY + timedelta(days=5), ada.pk)  # Saturday at noon.
        found = selectors.summary(Choice(WEEK))
    assert [(each.id, each.pages, each.out_of_hours) for each in found.people] == [(ada.pk, 3, 2), (bob.pk, 1, 0)]
    assert (found.noise.pages, found.noise.incidents_per_page) == (4, 0.25)


def test_noise_is_what_nobody_had_to_act_on(berlin):
    rule = uuid4()
    with berlin.scope():
        past(MONDAY, resolved=HOUR, source="rule", source_id=rule)
        past(MONDAY, resolved=HOUR, source="rule", source_id=rule, acknowledged_by=berlin.owner.user)
        past(MONDAY, source="rule", source_id=rule)
        found = selectors.summary(Choice(WEEK)).noise
    assert (found.resolved, found.without_action, found.without_action_share) == (2, 1, 0.5)
    assert [(each.id, each.opened, each.without_action) for each in found.rules] == [(rule, 3, 1)]


def test_the_api_answers_with_the_period_it_counted(owner, berlin):
    with berlin.scope():
        past(MONDAY, acknowledged=MINUTE)
    asked = {"from": "2026-06-01T10:00:00Z", "to": "2026-06-03T22:00:00Z"}
    answer = owner.get("/v1/analytics/summary", **asked).json()
    assert answer["period"] == {"first_day": "2026-06-01", "last_day": "2026-06-03", "timezone": "Europe/Berlin"}
    assert answer["mtta"]["mean_seconds"] == 60
    assert answer["incidents"] == {"opened": 1, "acknowledged": 1, "resolved": 0}
    assert len(owner.get("/v1/analytics/trends", **asked).json()["points"]) == 3
    assert owner.get("/v1/analytics/sla", service="nobody").json()["total"]["attainment"] is None
    for wrong in (
        {"from": "June"},
        {"from": "2026-06-02", "to": "2026-06-01"},
        {"team": "us"},
        {"from": "0001-01-01"},
        {"from": "0001-01-01", "to": "0001-01-05"},
        {"from": "9999-12-30", "to": "9999-12-31"},
    ):
        assert owner.get("/v1/analytics/summary", **wrong).status_code == 400


def test_the_page_has_the_same_figures_and_says_what_they_mean(world):
    with world.scope():
        open_incident(world)
    client = Client()
    client.force_login(world.user(Role.AUDITOR))
    page = client.get("/analytics", {"range": "365"}).content.decode()
    assert "Incidents opened by week" in page
    assert "neither withdrawn nor merged" in page
    assert client.get("/analytics", {"range": "1000"}).status_code == 400
    client.force_login(world.user(Role.REPORTER))
    assert client.get("/analytics").status_code == 403

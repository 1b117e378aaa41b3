"""``/v1/sla`` and the clocks of an incident."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from incidents.models import SlaPolicy
from tests.incidents.factories import open_incident
from tests.incidents.sla.factories import enter_due

WEEK = [[["09:00", "17:00"]]] * 5 + [[], []]
TARGETS = {"P1": {"response_minutes": 10, "resolution_minutes": 60}}


def test_policies_are_made_changed_and_removed(owner):
    hours = {"name": "Office", "timezone": "Europe/Berlin", "week": WEEK, "country": "DE"}
    calendar = owner.post("/v1/sla/calendars", hours)
    assert calendar.status_code == 201, calendar.content
    body = {"name": "Gold", "targets": TARGETS, "calendar": calendar.json()["id"], "pause_while": ["mitigated"]}
    made = owner.post("/v1/sla/policies", body)
    assert (made.status_code, made.json()["calendar"]) == (201, calendar.json()["id"])
    path = f"/v1/sla/policies/{made.json()['id']}"
    assert owner.patch(path, {"warn_percent": 50}).json()["warn_percent"] == 50
    assert owner.send("DELETE", path).status_code == 204
    assert owner.get(path).status_code == 404
    names = [policy["name"] for policy in owner.get("/v1/sla/policies").json()["results"]]
    assert names == ["Standard"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("policies", {"targets": TARGETS}, "name"),
        ("policies", {"name": "A", "targets": {"P1": {"response_minutes": "soon"}}}, "targets.P1.response_minutes"),
        ("policies", {"name": "A", "targets": TARGETS, "calendar": "01980000-0000-7000-8000-000000000000"}, "calendar"),
        ("policies", {"name": "A", "targets": TARGETS, "colour": "red"}, "colour"),
        ("calendars", {"name": "A", "timezone": "Mars/Phobos", "week": WEEK}, "timezone"),
        ("calendars", {"name": "A", "timezone": "UTC", "week": [[]] * 7}, "week"),
        ("calendars", {"name": "A", "timezone": "UTC", "week": WEEK, "country": "XX"}, "country"),
        (
            "calendars",
            {"name": "A", "timezone": "UTC", "week": WEEK, "extra_holidays": [{"date": "soon"}]},
            "extra_holidays",
        ),
    ],
)
def test_what_is_wrong_is_named(owner, path, body, field):
    refused = owner.post(f"/v1/sla/{path}", body)
    assert refused.status_code == 400, refused.content
    assert field in [error["field"] for error in refused.json()["errors"]]


def test_hours_that_are_all_holidays_are_refused(owner):
    today = date.today()
    mondays = [today - timedelta(days=today.weekday()) + timedelta(weeks=week) for week in range(70)]
    body = {
        "name": "A",
        "timezone": "UTC",
        "week": [WEEK[0], *[[]] * 6],
        "extra_holidays": [{"date": day.isoformat()} for day in mondays],
    }
    refused = owner.post("/v1/sla/calendars", body)
    assert refused.status_code == 400 and "no business hours" in refused.json()["detail"]


def test_the_templates_name_their_articles(owner):
    templates = {one["template"]: one for one in owner.get("/v1/sla/templates").json()}
    assert set(templates) == {"nis2", "gdpr", "dora"}
    assert templates["nis2"]["milestones"][0]["citation"] == "Article 23(4)(a)"


def test_an_incident_tells_its_clocks(world, owner):
    with world.scope():
        incident = open_incident(world)
    told = owner.get(f"/v1/incidents/{incident.pk}/sla").json()
    assert told["state"] == "running"
    assert told["response"]["target_seconds"] == 3_600
    listed = owner.get("/v1/incidents").json()["results"][0]["sla"]
    assert listed["next_due_at"] == told["response"]["due_at"]


def test_a_reporting_duty_is_started_and_its_reports_recorded(world, owner):
    with world.scope():
        incident = open_incident(world)
    policy = owner.post("/v1/sla/policies", {"template": "gdpr"}).json()
    path = f"/v1/incidents/{incident.reference}/sla"
    started = owner.post(path, {"policy": policy["id"]})
    assert started.status_code == 200, started.content
    (milestone,) = started.json()["milestones"]
    record = f"{path}/{milestone['id']}/record"
    assert owner.post(record, {"evidence": " "}).status_code == 400
    recorded = owner.post(record, {"evidence": "Authority, ref. 12"})
    assert (recorded.status_code, recorded.json()["outcome"]) == (200, "met")
    assert owner.post(record, {"evidence": "again"}).status_code == 409


def test_violations_are_listed_and_filtered(world, owner):
    service = world.service("checkout")
    with world.scope():
        incident = open_incident(world, service=service)
        enter_due(incident.opened_at + timedelta(hours=2))
    (violation,) = owner.get("/v1/sla/violations").json()["results"]
    assert (violation["reference"], violation["kind"]) == (incident.reference, "response")
    assert owner.get("/v1/sla/violations", kind="resolution").json()["results"] == []
    assert len(owner.get("/v1/sla/violations", service="checkout").json()["results"]) == 1
    later = (timezone.now() + timedelta(days=1)).isoformat()
    assert owner.get("/v1/sla/violations", **{"from": later}).json()["results"] == []
    assert owner.get("/v1/sla/violations", kind="mood").status_code == 400
    assert [one["number"] for one in owner.get("/v1/incidents", sla="breached").json()["results"]] == [1]


def test_a_policy_of_another_organization_is_not_there(world, owner):
    from tests.factories import make_world

    other = make_world()
    with other.scope():
        foreign = SlaPolicy.objects.get(is_default=True).pk
    with world.scope():
        incident = open_incident(world)
    assert owner.get(f"/v1/sla/policies/{foreign}").status_code == 404
    assert owner.post(f"/v1/incidents/{incident.pk}/sla", {"policy": str(foreign)}).status_code == 400

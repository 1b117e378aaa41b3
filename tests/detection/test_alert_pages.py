"""The pages about alerts: how they are read, heartbeats, and the alerts of an incident."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from detection.actions.receive_alerts import receive_alerts
from detection.models import AlertMapping, Heartbeat
from ingestion.parsers.alerts.signal import Link, Signal, Step
from organizations.access import Role
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker

pytestmark = pytest.mark.django_db
MAPPING = {
    "service_labels": "team_service\nservice",
    "services": "api-gw = gateway",
    "environment_labels": "env",
    "default_environment": "live",
    "severity_labels": "sev",
    "severities": "RED = critical\nyellow = medium",
    "default_severity": "low",
    "group_by": "alertname",
    "rejoin_minutes": "0",
    "storm_problems": "100",
}


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def lead(world: World) -> Client:
    client = Client()
    client.force_login(world.user(Role.TEAM_LEAD))
    return client


def test_the_mapping_is_seen_and_changed(world: World, lead: Client):
    page = lead.get("/detection/alerts").content.decode()
    assert "warning = medium" in page
    assert lead.post("/detection/alerts", MAPPING).status_code == 302
    with world.scope():
        rule = AlertMapping.objects.get()
        assert rule.service_labels == ["team_service", "service"]
        assert (rule.services, rule.severities) == ({"api-gw": "gateway"}, {"red": "critical", "yellow": "medium"})
        assert (rule.creates_services, rule.default_environment, rule.rejoin_minutes) == (False, "live", 0)
        labels = {"team_service": "api-gw", "sev": "Red"}
        receive_alerts(
            actor=world.actor, signals=[Signal("generic", "x", "x", Step.TRIGGER, title="Slow", labels=labels)]
        )
    [incident] = Speaker(world, Role.ENGINEER).get("/v1/incidents").json()["results"]
    assert (incident["severity"], incident["service"]) == ("critical", None)  # No service is made any more.


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("severities", "red = purple", "is not one of critical"),
        ("severities", "red", "is not written word = meaning"),
        ("group_by", "", "Name at least one label"),
        ("storm_problems", "0", "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(lead: Client, field: str, value: str, words: str):
    refused = lead.post("/detection/alerts", {**MAPPING, field: value})
    assert refused.status_code == 400 and words in refused.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"severities": {"red": "purple"}}, "severities.red"),
        ({"rejoin_minutes": 100_000}, "rejoin_minutes"),
        ({"labels": []}, "labels"),
    ],
)
def test_the_api_names_what_is_wrong(world: World, changes: Any, field: str):
    refused = Speaker(world, Role.TEAM_LEAD).patch("/v1/alert-mapping", changes)
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_nul_in_a_name_is_bad_input(world: World):
    refused = Speaker(world, Role.TEAM_LEAD).patch("/v1/alert-mapping", {"services": {"a\0": "b"}})
    assert (refused.status_code, "U+0000" in refused.json()["detail"]) == (400, True)


def test_a_heartbeat_is_made_changed_and_deleted(world: World, lead: Client):
    form = {"name": "Backup", "period_seconds": "60", "grace_seconds": "5", "severity": "low", "enabled": "on"}
    assert lead.post("/detection/heartbeats/new", form).status_code == 302
    with world.scope():
        heartbeat = Heartbeat.objects.get()
    address = f"/detection/heartbeats/{heartbeat.pk}"
    assert f"{heartbeat.path}/fail" in lead.get(address).content.decode()
    assert lead.post(address, {**form, "period_seconds": "0"}).status_code == 400
    assert lead.post(address, {**form, "name": "Backup of db1"}).status_code == 302
    page = lead.get("/detection/heartbeats").content.decode()
    assert "Backup of db1" in page and "every 1 min" in page
    assert lead.post(f"{address}/delete").status_code == 302
    with world.scope():
        assert not Heartbeat.objects.exists()


def test_an_incident_shows_its_alerts_and_says_where_they_came_from(world: World, lead: Client):
    with world.scope():
        signals = [
            Signal(
                "alertmanager",
                "{}",
                str(number),
                Step.TRIGGER,
                title=f"<b>Disk {number}</b> full",
                labels={"instance": f"db{number}", "items": "three"},
                links=(Link("https://wiki.example/disk", "Runbook"),),
            )
            for number in (1, 2)
        ]
        [incident_id] = receive_alerts(actor=world.actor, signals=signals[:1]).incidents
        receive_alerts(actor=world.actor, signals=signals)
    page = lead.get(f"/incidents/{incident_id}").content.decode()
    assert "&lt;b&gt;Disk 2&lt;/b&gt; full" in page and "<b>Disk" not in page
    assert "db1" in page and "https://wiki.example/disk" in page
    assert "opened the incident: an alert by Alertmanager" in page
    assert "An alert joined" in page and "2 belong to it" in page
    assert ">Alerts<" in page

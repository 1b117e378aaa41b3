"""The other ways in for alerts: PagerDuty's, Opsgenie's, Alertmanager's API, our own; each in its own form."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from detection.models import Alert
from incidents.models import Decision, Incident, TimelineEvent
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.detection.sweeping import sweep_expired_alerts
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.web import web_server


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def post(path: str, body: Any, **headers: str) -> Any:
    client = Client(raise_request_exception=False)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, content, content_type="application/json", headers=headers)


def read(path: str, **headers: str) -> Any:
    return Client(raise_request_exception=False).get(path, headers=headers)


def statuses(world: World) -> list[str]:
    with world.scope():
        return list(Incident.objects.order_by("number").values_list("status", flat=True))


# ---- PagerDuty -----------------------------------------------------------------------------------------------------


def test_pagerdutys_own_client_library(committed_database: str):
    from pagerduty import EventsApiV2Client

    world = make_world()
    key = world.key(world.service("mainframe")).key
    with web_server() as url:
        session = EventsApiV2Client(key)
        session._url = url  # The library insists on https; whoever moves has it.
        made = session.trigger(
            "Tape drive stuck",
            "tape-1",
            severity="warning",
            custom_details={"drive": 4},
            links=[{"href": "https://x.y"}],
        )
        again = session.trigger("Tape drive stuck", "tape-1", dedup_key=made)
        assert again == made
        session.acknowledge(made)
        assert statuses(world) == ["investigating"]
        session.resolve(made)
    assert statuses(world) == ["resolved"]
    with world.scope():
        alert = Alert.objects.get()
        assert (alert.title, alert.severity, alert.details) == ("Tape drive stuck", "medium", {"drive": 4})
        assert (alert.received_count, alert.firing_count) == (4, 1)
        assert Incident.objects.get().occurrence_count == 2


def test_pagerduty_answers_in_its_form(world: World):
    key = world.key().key
    event = {
        "routing_key": key,
        "event_action": "trigger",
        "payload": {"summary": "x", "source": "y", "severity": "info"},
    }
    made = post("/v2/enqueue", event)
    assert made.status_code == 202
    body = made.json()
    assert (body["status"], body["message"]) == ("success", "Event processed") and body["dedup_key"]
    assert post("/v2/enqueue", {**event, "routing_key": "ick_no"}).status_code == 401
    person = issue_tokens(world.user(Role.OWNER)).access
    assert post("/v2/enqueue", {}, Authorization=f"Bearer {person}").status_code == 403


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event_action": "explode"}, "event_action"),
        ({"payload": None}, "payload"),
        ({"payload": {"summary": "x", "source": "y", "severity": "bad"}}, "payload.severity"),
        ({"payload": {"summary": "", "source": "y", "severity": "info"}}, "payload.summary"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
    ],
)
def test_pagerduty_refuses_in_its_form(committed_database: str, changes: Any, said: str):
    world = make_world()
    event = {
        "routing_key": world.key().key,
        "event_action": "trigger",
        "payload": {"summary": "x", "source": "y", "severity": "info"},
    }
    refused = post("/v2/enqueue", event | changes)
    assert refused.status_code == 400
    assert refused.json()["status"] == "invalid event" and refused.json()["errors"][0].startswith(said)


# ---- Our own form --------------------------------------------------------------------------------------------------


def test_the_generic_form(world: World):
    key = world.key().key
    body = {
        "dedup_key": "backup-db1",
        "action": "trigger",
        "title": "Backup failed",
        "severity": "high",
        "service": "database",
        "description": "exit code 1",
        "links": [{"href": "https://wiki/backup", "text": "Runbook"}, {"href": "javascript:alert(1)"}],
        "metadata": {"host": "db1", "nested": {"deep": [1, "\0"]}, "big": 10**400},
    }
    made = post("/v1/alerts", body, **{"X-API-Key": key})
    assert made.status_code == 202 and made.json()["accepted"] == 1
    [incident_id] = made.json()["incidents"]
    engineer = Speaker(world, Role.ENGINEER)
    incident = engineer.get(f"/v1/incidents/{incident_id}").json()
    assert (incident["title"], incident["severity"], incident["service_name"]) == ("Backup failed", "high", "database")
    [alert] = engineer.get(f"/v1/incidents/{incident_id}/alerts").json()["results"]
    assert (alert["status"], alert["source"], alert["group"]) == ("firing", "generic", "backup-db1")
    assert alert["links"] == [{"href": "https://wiki/backup", "text": "Runbook"}]
    assert alert["labels"]["host"] == "db1"
    for action, status in (("acknowledge", "investigating"), ("resolve", "resolved"), ("resolve", "resolved")):
        answer = post("/v1/alerts", {"dedup_key": "backup-db1", "action": action}, **{"X-API-Key": key})
        assert answer.status_code == 202
        assert statuses(world) == [status]


def test_an_idempotency_key_makes_a_retry_safe(world: World):
    headers = {"X-API-Key": world.key().key, "Idempotency-Key": "one"}
    body = {"dedup_key": "x", "action": "trigger", "title": "X"}
    first, second = post("/v1/alerts", body, **headers), post("/v1/alerts", body, **headers)
    assert first.json() == second.json() and second["Idempotent-Replay"] == "true"
    with world.scope():
        assert Alert.objects.get().received_count == 1
    assert post("/v1/alerts", {**body, "title": "Y"}, **headers).status_code == 409


def test_two_services_may_use_the_same_key(world: World):
    for name in ("one", "two"):
        key = world.key(world.service(name)).key
        post("/v1/alerts", {"dedup_key": "disk", "action": "trigger", "title": name}, **{"X-API-Key": key})
    assert statuses(world) == ["open", "open"]


# ---- Opsgenie ------------------------------------------------------------------------------------------------------


def test_opsgenies_alert_api(world: World):
    auth = {"Authorization": f"GenieKey {world.key(world.service()).key}"}
    made = post("/v2/alerts", {"message": "Disk full", "alias": "disk/1", "priority": "P1", "tags": ["a", "b"]}, **auth)
    assert made.status_code == 202 and made.json()["result"] == "Request will be processed"
    with world.scope():
        incident = Incident.objects.get()
        assert (incident.title, incident.severity) == ("Disk full", "critical")
        alert_id = Alert.objects.get().pk
    assert post("/v2/alerts/disk%2F1/acknowledge?identifierType=alias", {}, **auth).status_code == 202
    assert statuses(world) == ["investigating"]
    assert post(f"/v2/alerts/{alert_id}/close?identifierType=id", {}, **auth).status_code == 202
    assert statuses(world) == ["resolved"]
    dead = post("/v2/alerts", {"message": "x"}, Authorization="GenieKey ick_wrong")
    assert dead.status_code == 401 and set(dead.json()) == {"message", "took", "requestId"}


def test_opsgenies_alerts_are_read_and_noted(world: World):
    auth = {"Authorization": f"GenieKey {world.key(world.service('storage')).key}"}
    sent = {"message": "Disk full", "alias": "disk/1", "tags": ["a", "b"], "entity": "db-1", "details": {"drive": "4"}}
    assert post("/v2/alerts", sent, **auth).status_code == 202
    alert = read("/v2/alerts/disk%2F1?identifierType=alias", **auth).json()["data"]
    assert {name: alert[name] for name in sent} == sent
    assert (alert["status"], alert["acknowledged"], alert["priority"], alert["count"]) == ("open", False, "P3", 1)
    address = f"/v2/alerts/{alert['id']}"
    assert post(f"{address}/notes", {"note": "Ordered a disk.", "user": "ada"}, **auth).status_code == 202
    assert post(f"{address}/acknowledge", {"note": "On it."}, **auth).status_code == 202
    assert read(address, **auth).json()["data"]["acknowledged"] is True
    assert post(f"{address}/close", {}, **auth).status_code == 202
    assert read(address, **auth).json()["data"]["status"] == "closed"
    with world.scope():
        notes = TimelineEvent.objects.filter(kind="note").order_by("sequence")
        assert [event.data["body"] for event in notes] == ["Ordered a disk.\n\n— ada", "On it."]
    empty = post(f"{address}/notes", {}, **auth)
    assert empty.status_code == 400 and set(empty.json()) == {"message", "took", "requestId", "errors"}

    other = {"Authorization": f"GenieKey {world.key(world.service('mail')).key}"}
    for path in (address, "/v2/alerts/disk%2F1?identifierType=alias", "/v2/alerts/nothing"):
        hidden = read(path, **other)
        assert hidden.status_code == 404 and "does not exist" in hidden.json()["message"]


# ---- Alertmanager's API --------------------------------------------------------------------------------------------


def test_prometheus_sends_straight_here(world: World):
    auth = {"Authorization": f"Bearer {world.key().key}"}
    now = datetime.now(UTC)

    def alert(instance: str, ends_in: int) -> Any:
        return {
            "labels": {"alertname": "Down", "service": "web", "instance": instance},
            "annotations": {"summary": f"{instance} is down"},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now + timedelta(seconds=ends_in)).isoformat(),
        }

    made = post("/api/v2/alerts", [alert("a", 60), alert("b", 60)], **auth)
    assert (made.status_code, made.content) == (200, b"")
    assert statuses(world) == ["open"]
    assert post("/api/v2/alerts", [alert("a", -1)], **auth).status_code == 200
    assert statuses(world) == ["open"]
    with world.scope():
        Alert.objects.filter(labels__instance="b").update(expires_at=now - timedelta(minutes=1))
    sweep_expired_alerts()
    assert statuses(world) == ["resolved"]
    sweep_expired_alerts()
    with world.scope():
        assert Decision.objects.filter(outcome="resolved").count() == 1


def test_alertmanagers_api_refuses_in_its_form(committed_database: str):
    headers = {"Authorization": f"Bearer {make_world().key().key}"}
    refused = post("/api/v2/alerts", [{"annotations": {}}], **headers)
    assert refused.status_code == 400 and isinstance(refused.json(), str)

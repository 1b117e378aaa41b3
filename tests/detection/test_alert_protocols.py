"""The other ways in for alerts: PagerDuty's, Opsgenie's, Alertmanager's API, our own; each in its own form."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from detection.models import Alert
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.lifecycle import Status
from incidents.models import Decision, Incident, TimelineEvent
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.detection.sweeping import sweep_expired_alerts
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.incidents.factories import open_incident
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


@pytest.mark.parametrize("path", ["/v2/enqueue", "/v1/alerts", "/v2/alerts"])
def test_long_keys_are_told_apart(world: World, path: str):
    key = world.key().key
    forms: dict[str, Callable[[str], Any]] = {
        "/v2/enqueue": lambda name: {
            "routing_key": key,
            "event_action": "trigger",
            "dedup_key": name,
            "payload": {"summary": "x", "source": "y", "severity": "info"},
        },
        "/v1/alerts": lambda name: {"dedup_key": name, "action": "trigger", "title": "x"},
        "/v2/alerts": lambda name: {"alias": name, "message": "x"},
    }
    for end in ("a", "b", "a"):
        assert post(path, forms[path]("k" * 200 + end), **{"X-API-Key": key}).status_code == 202
    with world.scope():
        assert sorted(Alert.objects.values_list("received_count", flat=True)) == [1, 2]
        assert set(Alert.objects.values_list("group__problem", flat=True)) == {"k" * 200 + "a", "k" * 200 + "b"}


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


def test_an_alert_is_closed_by_id_whatever_key_opened_it(world: World):
    service, gateway = world.key(world.service("storage")).key, world.key().key
    post("/v2/alerts", {"message": "Disk full", "alias": "disk"}, Authorization=f"GenieKey {service}")
    with world.scope():
        alert_id = Alert.objects.get().pk
    assert post(f"/v2/alerts/{alert_id}/close", {}, Authorization=f"GenieKey {gateway}").status_code == 202
    assert statuses(world) == ["resolved"]


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


class Prometheus:
    """Sends straight here, with a gateway key."""

    def __init__(self, world: World) -> None:
        self._auth = {"Authorization": f"Bearer {world.key().key}"}
        self._start = datetime.now(UTC) - timedelta(hours=1)

    def send(self, *names: str, minutes: int = 0, ends_in: int = 240) -> None:
        """Each alert is a group of its own, that fires since ``minutes`` after the first of all."""
        body = [
            {
                "labels": {"alertname": name},
                "startsAt": (self._start + timedelta(minutes=minutes)).isoformat(),
                "endsAt": (datetime.now(UTC) + timedelta(seconds=ends_in)).isoformat(),
            }
            for name in names
        ]
        answer = post("/api/v2/alerts", body, **self._auth)
        assert answer.status_code == 200, answer.content


def test_what_goes_on_in_a_newer_incident_does_not_end_with_the_older(world: World):
    prometheus = Prometheus(world)
    prometheus.send("Down")
    with world.scope():
        first = Incident.objects.get()
        incident_change_status(incident_id=first.pk, actor=world.actor, status=Status.RESOLVED)
        Incident.objects.update(resolved_at=datetime.now(UTC) - timedelta(minutes=20))
    prometheus.send("Down")  # It still fires.
    assert statuses(world) == ["resolved", "open"]
    with world.scope():
        Alert.objects.filter(incident=first).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    sweep_expired_alerts()
    assert statuses(world) == ["resolved", "open"]
    with world.scope():
        assert not Alert.objects.get(incident=first).is_live, "it fires in the newer one"


def test_the_firing_of_a_withdrawn_incident_is_counted_and_opens_no_other(world: World):
    prometheus = Prometheus(world)
    prometheus.send("Down", ends_in=60)
    with world.scope():
        incident_withdraw(incident_id=Incident.objects.get().pk, actor=world.actor, reason="A test")
    prometheus.send("Down", ends_in=600)
    with world.scope():
        alert = Alert.objects.get()
        assert alert.received_count == 2
        assert alert.expires_at is not None and alert.expires_at > datetime.now(UTC) + timedelta(minutes=5)


def test_groups_that_share_a_merged_incident_reopen_it_once(world: World):
    prometheus = Prometheus(world)
    prometheus.send("Disk", "Mail")
    with world.scope():
        disk, mail = Incident.objects.order_by("number")
        incident_merge(incident_id=mail.pk, actor=world.actor, into_id=disk.pk)
    prometheus.send("Disk", "Mail", ends_in=-1)
    assert statuses(world)[0] == "resolved"
    prometheus.send("Disk", "Mail", minutes=50)
    with world.scope():
        disk.refresh_from_db()
        assert disk.status == "investigating" and Incident.objects.count() == 2


def test_what_cannot_be_reopened_opens_an_incident_of_its_own(world: World):
    prometheus = Prometheus(world)
    prometheus.send("Disk")
    with world.scope():
        mine, theirs = Incident.objects.get(), open_incident(world, key="rule:1")
        incident_merge(incident_id=mine.pk, actor=world.actor, into_id=theirs.pk)
        incident_change_status(incident_id=theirs.pk, actor=world.actor, status=Status.RESOLVED)
        newer = open_incident(world, key="rule:1")
    prometheus.send("Disk", ends_in=-1)
    prometheus.send("Disk", minutes=50)
    with world.scope():
        assert set(Incident.objects.exclude(pk=newer.pk).filter(status="open", merged_into=None)) == {
            Incident.objects.latest("number")
        }

"""Alerts that could not be read: kept with their protocol, repaired, and heard as if they came now."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEntry
from detection.models import Alert
from incidents.models import Incident, TimelineEvent
from ingestion.models import DeadLetter
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import World, make_world

LABELS = {"alertname": "DiskFull", "instance": "db-1"}
#: By protocol: where it is sent, a body that cannot be read, and what is corrected in it.
BROKEN: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "alertmanager": (
        "/v1/alerts/alertmanager",
        {"groupKey": "g", "version": "4", "alerts": [{"status": "burning", "labels": LABELS}]},
        {"alerts": [{"status": "firing", "labels": LABELS}]},
    ),
    "generic": (
        "/v1/alerts",
        {"dedup_key": "k", "action": "shout", "title": "Disk full"},
        {"action": "trigger"},
    ),
    "pagerduty": (
        "/v2/enqueue",
        {"event_action": "trigger", "payload": {"summary": "Disk full", "source": "db-1", "severity": "loud"}},
        {"payload": {"summary": "Disk full", "source": "db-1", "severity": "error"}},
    ),
    "opsgenie": ("/v2/alerts", {"message": "Disk full", "priority": "P9"}, {"priority": "P1"}),
}


@pytest.fixture
def world(committed_database: str) -> World:
    return make_world()


def send(world: World, path: str, body: Any, key: str) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(path, json.dumps(body), content_type="application/json", headers={"X-API-Key": key})


def only_letter(person: Client) -> dict[str, Any]:
    [letter] = person.get("/v1/dead-letters").json()["results"]
    return dict(letter)


def engineer_of(world: World) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(Role.ENGINEER)).access}"})


def replay(person: Client, letter: dict[str, Any], corrected: Any = None) -> Any:
    content = "" if corrected is None else json.dumps(corrected)
    return person.post(f"/v1/dead-letters/{letter['id']}/replay", content, content_type="application/json")


@pytest.mark.parametrize("protocol", BROKEN)
def test_a_corrected_alert_is_heard_as_its_protocol_has_it(world: World, protocol: str):
    path, body, correction = BROKEN[protocol]
    service = world.service("storage")
    assert send(world, path, body, world.key(service).key).status_code == 400
    engineer = engineer_of(world)
    letter = only_letter(engineer)
    assert (letter["kind"], letter["protocol"], letter["service"]) == ("alert", protocol, "storage")

    refused = replay(engineer, letter)
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"]
    assert only_letter(engineer)["replayed_at"] is None

    answer = replay(engineer, letter, {**json.loads(letter["content"]), **correction})
    with world.scope():
        incident = Incident.objects.get()
        assert Alert.objects.get().incident == incident
        assert (incident.status, incident.service, incident.opened_by_id) == ("open", service, None)
        assert TimelineEvent.objects.get(kind="opened").actor == "system:alerts"
        replayed = AuditEntry.objects.get(table_name="ingestion_deadletter")
        assert replayed.actor == f"user:{world.user(Role.ENGINEER).pk}"
    assert answer.json() == {"received": 1, "duplicates_skipped": 0, "incidents": [str(incident.pk)]}
    assert engineer.get("/v1/dead-letters").json()["results"] == []
    assert replay(engineer, letter).status_code == 409


def test_alertmanagers_api_is_grouped_by_the_mapping(world: World):
    bad = [{"labels": {**LABELS, "instance": name}, "endsAt": "soon"} for name in ("db-1", "db-2")]
    assert send(world, "/api/v2/alerts", bad, world.key().key).status_code == 400
    engineer = engineer_of(world)
    letter = only_letter(engineer)
    good = [{"labels": alert["labels"]} for alert in bad]
    assert replay(engineer, letter, good).json()["received"] == 2
    with world.scope():
        assert Alert.objects.filter(incident=Incident.objects.get()).count() == 2


def test_an_event_is_kept_without_the_key_that_it_carries(world: World):
    key = world.key().key
    path, body, _ = BROKEN["pagerduty"]
    client = Client(raise_request_exception=False)
    sent = json.dumps({**body, "routing_key": key})
    assert client.post(path, sent, content_type="application/json").status_code == 400
    with world.scope():
        letter = DeadLetter.objects.get()
        assert key not in letter.text and '"(routing key)"' in letter.text
        assert letter.is_complete


def test_the_page_says_what_became_of_it(world: World):
    path, body, correction = BROKEN["generic"]
    send(world, path, body, world.key().key)
    with world.scope():
        letter = DeadLetter.objects.get()
    client = Client()
    client.force_login(world.user(Role.ENGINEER))
    address = f"/logs/dead-letters/{letter.pk}"
    refused = client.post(address, {"corrected": letter.text})
    assert refused.status_code == 400
    assert "action: Still not readable: Write trigger, acknowledge or resolve." in refused.content.decode()
    done = client.post(address, {"corrected": json.dumps({**body, **correction})}, follow=True)
    assert "Replayed: 1 alert, in INC-1." in done.content.decode()


def test_a_letter_that_names_no_protocol_is_not_guessed_at(world: World):
    path, body, correction = BROKEN["generic"]
    send(world, path, body, world.key().key)
    with world.scope():
        DeadLetter.objects.update(protocol="")
    engineer = engineer_of(world)
    letter = only_letter(engineer)
    assert replay(engineer, letter, {**body, **correction}).status_code == 409

"""Alertmanager's webhook: one incident for a group, whatever is repeated, restarted or overtaken on its way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from detection.models import Alert, AlertGroup
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.lifecycle import Severity, Status
from incidents.models import Decision, EventKind, Incident, TimelineEvent
from organizations.access import Role
from organizations.models import Service
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.incidents.factories import open_incident

START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


def alert(name: str = "a", *, status: str = "firing", start: int = 0, end: int | None = None, **labels: str) -> Any:
    """Times in seconds after ``START``."""
    over = "0001-01-01T00:00:00Z" if end is None else (START + timedelta(seconds=end)).isoformat()
    return {
        "status": status,
        "labels": {"alertname": "DiskFull", "instance": name, "severity": "critical", **labels},
        "annotations": {"summary": f"Disk of {name} is full"},
        "startsAt": (START + timedelta(seconds=start)).isoformat(),
        "endsAt": over,
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": name.ljust(16, "0"),
    }


def over(name: str = "a", *, start: int = 0, end: int = 60, **labels: str) -> Any:
    return alert(name, status="resolved", start=start, end=end, **labels)


def webhook(*alerts: Any, group: str = '{}:{alertname="DiskFull"}') -> Any:
    return {
        "version": "4",
        "groupKey": group,
        "status": "firing" if any(each["status"] == "firing" for each in alerts) else "resolved",
        "receiver": "incident-center",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }


@pytest.fixture
def world(db: None) -> World:
    return make_world()


class Sender:
    """Alertmanager with a key of one service, or with a gateway key."""

    def __init__(self, world: World, service: Service | None = None) -> None:
        self.key = world.key(service).key
        self.client = Client()

    def send(self, *alerts: Any, **options: Any) -> list[str]:
        response = self.client.post(
            "/v1/alerts/alertmanager",
            json.dumps(webhook(*alerts, **options)),
            content_type="application/json",
            headers={"X-API-Key": self.key},
        )
        assert response.status_code == 202, response.content
        assert response.json()["accepted"] == len(alerts)
        incidents: list[str] = response.json()["incidents"]
        return incidents


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world, world.service("storage"))


def only_incident() -> Incident:
    return Incident.objects.get()


def test_a_group_is_one_incident_until_its_last_alert_is_over(world: World, sender: Sender):
    [incident_id] = sender.send(alert("a"), alert("b"))
    assert sender.send(alert("a"), alert("b"), alert("c")) == [incident_id]
    assert sender.send(over("a"), over("b")) == [incident_id]
    with world.scope():
        incident = only_incident()
        assert (incident.status, incident.severity, incident.source) == ("open", "critical", "alert")
        assert incident.service is not None and incident.service.name == "storage"
        assert incident.title == "DiskFull"
    assert sender.send(over("c")) == [incident_id]
    with world.scope():
        assert only_incident().status == Status.RESOLVED
        assert set(Alert.objects.values_list("status", "received_count", "firing_count")) == {
            ("resolved", 3, 1),
            ("resolved", 2, 1),
        }
        kinds = list(TimelineEvent.objects.order_by("sequence").values_list("kind", flat=True))
        assert [kind for kind in kinds if not kind.startswith(("notification", "escalation", "sla"))] == [
            EventKind.OPENED,
            EventKind.ALERTS_LINKED,
            EventKind.ALERTS_RESOLVED,
            EventKind.ALERTS_RESOLVED,
            EventKind.STATUS_CHANGED,
        ]


def test_a_repetition_changes_nothing_but_its_count(world: World, sender: Sender):
    for _ in range(5):
        sender.send(alert())
    with world.scope():
        assert only_incident().occurrence_count == 1
        assert Alert.objects.get().received_count == 5
        assert TimelineEvent.objects.filter(kind=EventKind.OPENED).count() == 1


def test_flapping_is_one_incident_with_a_count(world: World, sender: Sender):
    for turn in range(4):
        sender.send(alert(start=100 * turn))
        with world.scope():
            assert only_incident().is_live
        sender.send(over(start=100 * turn, end=100 * turn + 50))
    with world.scope():
        incident = only_incident()
        assert (incident.status, incident.occurrence_count) == (Status.RESOLVED, 4)
        assert Alert.objects.get().firing_count == 4


def test_who_acknowledged_a_flapping_incident_keeps_it(world: World, sender: Sender):
    sender.send(alert())
    with world.scope():
        incident_acknowledge(incident_id=only_incident().pk, actor=world.actor)
    for turn in (1, 2, 3):
        sender.send(over(start=100 * (turn - 1), end=100 * turn - 50))
        sender.send(alert(start=100 * turn))
        with world.scope():
            incident = only_incident()
            if turn == 1:
                assert incident.acknowledged_at is None
                incident_acknowledge(incident_id=incident.pk, actor=world.actor)
            else:
                assert incident.acknowledged_by_id == world.owner.user_id


def test_what_fires_again_later_is_a_new_incident(world: World, sender: Sender):
    [first] = sender.send(alert())
    sender.send(over())
    with world.scope():
        Incident.objects.filter(pk=first).update(resolved_at=datetime.now(UTC) - timedelta(minutes=16))
    [second] = sender.send(alert(start=500))
    assert second != first
    with world.scope():
        # Each incident keeps what belonged to it.
        assert {(str(row.incident_id), row.status) for row in Alert.objects.all()} == {
            (first, "resolved"),
            (second, "firing"),
        }
        assert AlertGroup.objects.get().incident_id == Incident.objects.get(pk=second).pk


def test_overtaken_messages_are_known_for_old(world: World, sender: Sender):
    sender.send(over(start=0, end=60))  # The end comes before the beginning.
    sender.send(alert(start=0))
    with world.scope():
        assert not Incident.objects.exists()
    sender.send(alert(start=100))
    sender.send(over(start=0, end=60))  # An end from before.
    with world.scope():
        assert only_incident().is_live
    sender.send(over(start=100, end=160))
    sender.send(alert(start=100))  # The beginning of what is over.
    with world.scope():
        assert only_incident().status == Status.RESOLVED
        outcomes = set(Decision.objects.values_list("outcome", flat=True))
        assert {"nothing_open", "overtaken", "opened", "resolved"} <= outcomes


def test_a_sender_that_lost_sight_of_an_alert_is_believed_when_it_insists(world: World, sender: Sender):
    sender.send(alert())
    sender.send(over())
    with world.scope():
        Alert.objects.update(resolved_at=datetime.now(UTC) - timedelta(minutes=6))
    sender.send(alert())
    with world.scope():
        assert only_incident().is_live


def test_resolved_by_a_person_while_it_fires(world: World, sender: Sender):
    sender.send(alert())
    with world.scope():
        incident_change_status(incident_id=only_incident().pk, actor=world.actor, status=Status.RESOLVED)
    sender.send(alert())
    with world.scope():
        incident = only_incident()
        assert incident.status == Status.RESOLVED
        Incident.objects.update(resolved_at=datetime.now(UTC) - timedelta(minutes=20))
    [second] = sender.send(alert())  # It still fires: nobody may go on believing that it is over.
    assert second != str(incident.pk)


def test_alerts_of_a_merged_incident_go_on_in_the_other(world: World, sender: Sender):
    with world.scope():
        target = open_incident(world)
    sender.send(alert("a"))
    with world.scope():
        source = Incident.objects.get(source="alert")
        incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
    assert sender.send(alert("a"), alert("b")) == [str(target.pk)]
    lead = Speaker(world, Role.TEAM_LEAD)
    assert len(lead.get(f"/v1/incidents/{target.pk}/alerts").json()["results"]) == 2
    sender.send(over("a"), over("b"))
    with world.scope():
        assert Incident.objects.get(pk=target.pk).is_live  # A person opened it, a person closes it.


def test_the_worst_alert_raises_severity_and_priority(world: World, sender: Sender):
    sender.send(alert("a", severity="warning"))
    with world.scope():
        assert only_incident().severity == Severity.MEDIUM
    sender.send(alert("b", severity="page"))
    with world.scope():
        assert (only_incident().severity, only_incident().priority) == ("critical", "P1")
    sender.send(alert("c", severity="info"))
    with world.scope():
        assert only_incident().severity == Severity.CRITICAL


def test_a_gateways_labels_name_the_service(world: World):
    known = world.service("billing", "staging")
    gateway = Sender(world)
    gateway.send(alert("a", service="BILLING", env="staging"), group="one")
    gateway.send(alert("b", app="new-shop"), group="two")
    gateway.send(alert("c"), group="three")
    with world.scope():
        named = {incident.service for incident in Incident.objects.select_related("service")}
        assert named == {known, Service.objects.get(name="new-shop", environment="production"), None}
        reasons = " ".join(Decision.objects.filter(outcome="fired").values_list("reason", flat=True))
        assert "the label app=new-shop names the service new-shop" in reasons and "is made" in reasons
        assert "nothing names a service" in reasons


def test_a_storm_is_one_incident_and_every_alert_is_listed(world: World):
    gateway = Sender(world)
    lead = Speaker(world, Role.TEAM_LEAD)
    assert lead.patch("/v1/alert-mapping", {"storm_problems": 3}).status_code == 200
    for number in range(10):
        gateway.send(alert(f"h{number}"), group=f"group-{number}")
    with world.scope():
        assert Incident.objects.count() == 4
        storm = Incident.objects.get(title__startswith="Alert storm")
        assert storm.occurrence_count == 7
        assert Decision.objects.filter(incident=storm, outcome="absorbed").count() == 7
    with CaptureQueriesContext(connection) as queries:
        assert len(lead.get(f"/v1/incidents/{storm.pk}/alerts").json()["results"]) == 7
    assert not [query for query in queries if 'FROM "detection_alertgroup"' in query["sql"]], "read with the alerts"
    for number in range(10):
        gateway.send(over(f"h{number}"), group=f"group-{number}")
    with world.scope():
        assert set(Incident.objects.values_list("status", flat=True)) == {Status.RESOLVED}


def test_what_fires_long_after_a_storm_is_a_problem_of_its_own(world: World):
    gateway = Sender(world)
    Speaker(world, Role.TEAM_LEAD).patch("/v1/alert-mapping", {"storm_problems": 1})
    for number in range(3):
        gateway.send(alert(f"h{number}"), group=f"group-{number}")
    gateway.send(over("h1"), group="group-1")
    with world.scope():
        storm = Incident.objects.get(title__startswith="Alert storm")
        AlertGroup.objects.update(opened_at=datetime.now(UTC) - timedelta(hours=1))
    assert gateway.send(alert("h1", start=100), group="group-1") == [str(storm.pk)]  # A moment later it rejoins.
    gateway.send(over("h1", start=100, end=150), group="group-1")
    with world.scope():
        Alert.objects.filter(status="resolved").update(resolved_at=datetime.now(UTC) - timedelta(minutes=16))
    [fresh] = gateway.send(alert("h1", start=500), group="group-1")
    assert fresh != str(storm.pk)
    with world.scope():
        assert Incident.objects.get(pk=storm.pk).is_live, "one of its alerts still fires"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", ""),
        (b'{"alerts": []}', ""),
        (b'{"groupKey": "g", "alerts": [{"status": "burning", "labels": {}}]}', "alerts[0].status"),
        (
            b'{"groupKey": "g", "alerts": [{"status": "firing", "labels": {}, "startsAt": "soon"}]}',
            "alerts[0].startsAt",
        ),
        (b'{"groupKey": "g", "version": "5", "alerts": []}', "version"),
        (b"[" * 20_000, ""),
    ],
)
def test_a_body_that_cannot_be_read_is_a_dead_letter(committed_database: str, body: bytes, field: str):
    world = make_world()
    client, key = Client(), world.key().key
    response = client.post("/v1/alerts/alertmanager", body, content_type="application/json", headers={"X-API-Key": key})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    lead = Speaker(world, Role.TEAM_LEAD)
    [letter] = lead.get("/v1/dead-letters").json()["results"]
    assert (letter["kind"], letter["protocol"]) == ("alert", "alertmanager")


def test_another_organizations_alerts_stay_its_own(world: World, sender: Sender):
    other = make_world()
    sender.send(alert())
    Sender(other).send(alert())
    for each in (world, other):
        with each.scope():
            assert Incident.objects.count() == Alert.objects.count() == 1

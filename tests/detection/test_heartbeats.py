"""Heartbeats: late ones open an incident, a beat ends it, a failure says so at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from detection.models import Heartbeat
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from incidents.models import Incident
from organizations.access import Role
from tests.detection.sweeping import sweep_heartbeats
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker

PATH = "/v1/heartbeat-monitors"


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def lead(world: World) -> Speaker:
    return Speaker(world, Role.TEAM_LEAD)


@pytest.fixture
def made(world: World, lead: Speaker) -> dict[str, Any]:
    service = world.service("backups")
    body = {"name": "Nightly backup", "period_seconds": 3600, "grace_seconds": 300, "service": str(service.public_id)}
    response = lead.post(PATH, {**body, "severity": "critical"})
    assert response.status_code == 201, response.json()
    return response.json()  # type: ignore[no-any-return]


def beat(url: str, method: str = "GET", body: bytes = b"") -> int:
    path = url[url.index("/v1/") :]
    return Client().generic(method, path, body, content_type="text/plain").status_code


def pass_time(world: World) -> None:
    with world.scope():
        Heartbeat.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    sweep_heartbeats()


def incidents(world: World) -> list[tuple[str, str, str]]:
    with world.scope():
        return list(Incident.objects.order_by("number").values_list("title", "severity", "status"))


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_silence_opens_and_a_beat_resolves(world: World, lead: Speaker, made: dict[str, Any], method: str):
    assert (made["state"], made["due_at"]) == ("waiting", None)  # Nothing is expected before the first beat.
    assert beat(made["url"], method) == 200
    shown = lead.get(f"{PATH}/{made['id']}").json()
    late_after = datetime.fromisoformat(shown["due_at"]) - datetime.fromisoformat(shown["last_beat_at"])
    assert (shown["state"], late_after) == ("beating", timedelta(seconds=3900))
    sweep_heartbeats()
    assert incidents(world) == []
    pass_time(world)
    pass_time(world)
    assert incidents(world) == [("Nightly backup is silent", "critical", "open")]
    with world.scope():
        incident = Incident.objects.select_related("service").get()
        assert incident.service is not None and incident.service.name == "backups"
    assert beat(made["url"], method) == 200
    assert incidents(world) == [("Nightly backup is silent", "critical", "resolved")]


def test_a_silence_that_goes_on_outlives_a_resolution_by_hand(world: World, made: dict[str, Any]):
    beat(made["url"])
    pass_time(world)
    with world.scope():
        incident = Incident.objects.get()
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
    pass_time(world)
    assert [status for _, _, status in incidents(world)] == ["resolved"]  # A moment later it is only counted.
    with world.scope():
        Incident.objects.update(resolved_at=datetime.now(UTC) - timedelta(minutes=16))
        due_at = Heartbeat.objects.get().due_at
        assert due_at is not None and due_at > datetime.now(UTC), "nobody has to ask for it"
    pass_time(world)
    assert [status for _, _, status in incidents(world)] == ["resolved", "open"]
    beat(made["url"])
    assert [status for _, _, status in incidents(world)] == ["resolved", "resolved"]


def test_a_failure_is_told_with_its_reason(world: World, made: dict[str, Any]):
    assert beat(f"{made['url']}/fail", "POST", b"disk full\0\xff") == 200
    with world.scope():
        incident = Incident.objects.get()
        assert incident.title == "Nightly backup reports a failure"
        assert incident.description.startswith("disk full\N{REPLACEMENT CHARACTER}")
    beat(f"{made['url']}/fail")
    assert len(incidents(world)) == 1
    beat(made["url"])
    assert incidents(world)[0][2] == "resolved"


def test_an_unknown_address_is_404(made: dict[str, Any]):
    assert beat(f"{made['url']}x") == 404
    assert beat("/v1/heartbeats/nothing/fail", "POST") == 404


def test_switched_off_it_expects_nothing_and_deleted_it_is_dead(world: World, lead: Speaker, made: dict[str, Any]):
    beat(made["url"])
    pass_time(world)
    changed = lead.patch(f"{PATH}/{made['id']}", {"enabled": False})
    assert (changed.json()["state"], changed.json()["due_at"]) == ("waiting", None)
    assert incidents(world)[0][2] == "resolved"
    assert beat(made["url"]) == 200
    pass_time(world)
    assert len(incidents(world)) == 1
    assert lead.send("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert beat(made["url"]) == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"period_seconds": 0}, "period_seconds"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"name": " "}, "name"),
        ({"service": "01234567-89ab-7def-8123-456789abcdef"}, "service"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(lead: Speaker, changes: dict[str, Any], field: str):
    refused = lead.post(PATH, {"name": "x", "period_seconds": 60} | changes)
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_the_secret_is_not_in_the_database_in_clear(world: World, made: dict[str, Any], owner_connection: Any):
    token = made["url"].rpartition("/")[2]
    with world.scope():
        heartbeat = Heartbeat.objects.get()
        assert heartbeat.token == token
        assert token not in str(Heartbeat.objects.extra(select={"raw": "token"}).values_list("raw")[0])

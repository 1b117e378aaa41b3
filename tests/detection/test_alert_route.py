"""The route in front of Django: many requests to a commit, each with its own answer. What alerts do to incidents:
test_alertmanager.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from detection.api import alert_commits
from detection.api.alert_route import AlertRoute
from detection.models import Alert, AlertGroup
from incidents.lifecycle import Status
from incidents.models import Incident
from organizations.keys import authenticate_key
from organizations.models import Service
from tests.detection.test_alertmanager import alert, over, webhook
from tests.factories import World, make_world


class Route:
    """Called as an ASGI server would call it; what it leaves to Django is kept with the body that Django would read."""

    def __init__(self) -> None:
        self.left: list[bytes] = []
        self.route = AlertRoute(self._otherwise)

    async def _otherwise(self, scope: Any, receive: Any, send: Any) -> None:
        self.left.append((await receive())["body"])

    def post(self, key: str, *bodies: Any, **headers: str) -> Sequence[tuple[int, Any]]:
        """Status and document of the answers to requests that are there at the same time."""
        authenticate_key(key)  # The route takes keys that the process knows.

        async def all_of_them() -> Any:
            return await asyncio.gather(*(self._call(key, body, headers) for body in bodies))

        answers: Sequence[tuple[int, Any]] = asyncio.run(all_of_them())
        return answers

    async def _call(self, key: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"x-api-key": key, "content-type": "application/json", "content-length": str(len(content)), **headers}
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/alerts/alertmanager",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        await self.route(scope, receive, send)
        return (said[0]["status"], json.loads(said[1]["body"])) if said else (0, None)


@pytest.fixture
def world(committed_database: str) -> World:
    return make_world()


@pytest.fixture
def service(world: World) -> Service:
    return world.service("storage")


@pytest.fixture
def key(world: World, service: Service) -> str:
    return str(world.key(service).key)


@pytest.fixture
def route(world: World) -> Iterator[Route]:
    route = Route()
    yield route
    route.route.close()


def test_requests_at_the_same_time_each_hear_of_their_own_incident(world: World, key: str, route: Route):
    groups = [f"group {number}" for number in range(20)]
    bodies = [webhook(alert("a"), alert("b"), group=group) for group in groups]
    first, again = route.post(key, *bodies), route.post(key, *bodies)
    assert [status for status, _ in (*first, *again)] == [202] * 40
    assert again == first
    with world.scope():
        found = {group.problem: str(group.incident_id) for group in AlertGroup.objects.all()}
        assert [document for _, document in first] == [{"accepted": 2, "incidents": [found[g]]} for g in groups]
        assert Incident.objects.count() == 20
        assert list(Alert.objects.values_list("received_count", flat=True)) == [2] * 40
    ended = route.post(key, *(webhook(over("a"), over("b"), group=group) for group in groups[:5]))
    assert [document["accepted"] for _, document in ended] == [2] * 5
    with world.scope():
        assert Incident.objects.filter(status=Status.RESOLVED).count() == 5


def test_what_is_said_of_one_alert_is_heard_in_its_order(world: World, key: str, route: Route):
    answers = route.post(key, webhook(alert()), webhook(alert()), webhook(over()), webhook(alert(start=120)))
    assert len({tuple(document["incidents"]) for _, document in answers}) == 1
    with world.scope():
        known = Alert.objects.get()
        assert (known.status, known.received_count, known.firing_count) == ("firing", 4, 2)
        assert Incident.objects.get().status != Status.RESOLVED


def test_a_gateway_key_takes_the_same_way(world: World, service: Service, route: Route):
    ((status, document),) = route.post(world.key().key, webhook(alert(service="storage")))
    assert status == 202
    with world.scope():
        assert Incident.objects.get(pk=document["incidents"][0]).service == service
        assert AlertGroup.objects.get().service == service


def test_the_rest_is_left_to_django_with_its_body(world: World, key: str, route: Route):
    faulty, unreadable = webhook({**alert(), "status": "loud"}), b'{"alerts": [}'
    packed = gzip.compress(json.dumps(webhook(alert())).encode())
    large = webhook(*(alert(str(number)) for number in range(300)))
    route.post(key, faulty, unreadable)
    route.post(key, packed, **{"content-encoding": "gzip"})
    route.post(key, webhook(alert()), **{"idempotency-key": "once"})
    route.post(key, large)
    route.post("ick_00000000_nobody", webhook(alert()))
    assert [len(body) for body in route.left[:3]] == [len(json.dumps(faulty)), len(unreadable), len(packed)]
    assert len(route.left) == 6
    assert route.post(key, webhook()) == [(202, {"accepted": 0, "incidents": []})]
    with world.scope():
        assert not Alert.objects.exists()


def test_one_request_at_fault_costs_the_others_nothing(
    world: World, key: str, route: Route, monkeypatch: pytest.MonkeyPatch
):
    receive = alert_commits.receive_batches

    def fragile(*, batches: Any, **options: Any) -> Any:
        received = receive(batches=batches, **options)
        if any(signal.problem == "poison" for batch in batches for signal in batch):
            raise ValueError("nobody expected this")
        return received

    monkeypatch.setattr(alert_commits, "receive_batches", fragile)
    answers = route.post(key, *(webhook(alert(), group=group) for group in ("first", "poison", "last")))
    assert [status for status, _ in answers] == [202, 500, 202]


def test_what_waits_is_bounded(world: World, key: str, route: Route, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alert_commits, "WAITING_ALERTS_PER_ORGANIZATION", 2)
    ((status, document),) = route.post(key, webhook(alert("a"), alert("b"), alert("c")))
    assert (status, document["detail"]) == (503, "Too many alerts wait already. Nothing was stored.")
    assert route.post(key, webhook(alert("a"), alert("b")))[0][0] == 202

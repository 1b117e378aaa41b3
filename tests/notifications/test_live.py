"""``WS /live/incidents``: who may listen, what each hears, and that a lost credential ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from incident_center.kernel.scope import no_scope
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_open import incident_open
from incidents.lifecycle import Severity
from notifications.live import consumers
from notifications.live.routing import live_application
from organizations.access import Role
from organizations.actions.members import member_change
from organizations.tokens import issue_tokens
from tests.factories import World, make_world

PATH = "/live/incidents"


@pytest.fixture
def world(committed_database: str) -> World:
    return make_world("Acme")


class Connection(ApplicationCommunicator):
    """A WebSocket's other end (channels.testing has one, and needs another server to be installed for it)."""

    def __init__(self, path: str, query: str = "", headers: list[tuple[bytes, bytes]] | None = None) -> None:
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": headers or [(b"host", b"localhost")],
            "subprotocols": [],
        }
        super().__init__(live_application, scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(timeout=5))["type"] == "websocket.accept"


def token(world: World, role: Role = Role.ENGINEER) -> str:
    return issue_tokens(world.user(role)).access


def live(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs the scenario in an event loop of its own, as the server has one."""

    async def run() -> None:
        await scenario()
        from channels.layers import get_channel_layer

        await get_channel_layer().flush()

    asyncio.run(run())


def connection(query: str = "", headers: list[tuple[bytes, bytes]] | None = None) -> Connection:
    return Connection(PATH, query, headers)


async def close_code(connection: Connection) -> int:
    assert await connection.connect(), "a refusal comes after the handshake: a browser would not see its code"
    message = await connection.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    return int(message["code"])


async def connected(connection: Connection) -> Connection:
    assert await connection.connect()
    await asyncio.sleep(0.3)  # The group is joined after the handshake.
    return connection


async def hear(connection: Connection) -> dict[str, Any]:
    return json.loads((await connection.receive_output(timeout=5))["text"])


def open_as(world: World, role: Role, title: str = "Checkout fails") -> Any:
    with world.scope(role) as scope:
        return incident_open(actor=scope.actor, title=title, severity=Severity.HIGH).incident


def test_a_change_is_heard_by_its_organization_only(world: World):
    other = make_world("Globex")
    my_token, their_token = token(world), token(other)

    async def scenario() -> None:
        mine, theirs = (
            await connected(connection(f"token={my_token}")),
            await connected(connection(f"token={their_token}")),
        )
        incident = await sync_to_async(open_as)(world, Role.OWNER)
        heard = await hear(mine)
        assert heard["type"] == "incident" and heard["event"] == "opened"
        assert heard["incident"] == {
            "id": str(incident.pk),
            "number": 1,
            "status": "open",
            "severity": "high",
            "title": "Checkout fails",
            "service": None,
            "service_name": None,
            "environment": None,
        }
        assert set(heard) == {"type", "event", "incident", "at"}
        assert await theirs.receive_nothing(0.3)

    live(scenario)


def test_a_reporter_hears_of_their_own_incidents_only(world: World):
    their_token = token(world, Role.REPORTER)

    async def scenario() -> None:
        listener = await connected(connection(f"token={their_token}"))
        await sync_to_async(open_as)(world, Role.OWNER, "Not theirs")
        await sync_to_async(open_as)(world, Role.REPORTER, "Theirs")
        assert (await hear(listener))["incident"]["title"] == "Theirs"

    live(scenario)


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("", [], 4401),
        ("token=nonsense", [], 4401),
        ("token=ick_00000000_x", [], 4403),
        ("", [(b"x-api-key", b"ick_00000000_x")], 4403),
        ("", [(b"cookie", b"sessionid=unknown")], 4401),
        ("", [(b"origin", b"https://evil.example")], 4403),
        ("", [(b"origin", b"null")], 4403),
    ],
)
def test_who_is_turned_away(world: World, query: str, headers: list[tuple[bytes, bytes]], code: int):
    async def scenario() -> None:
        assert await close_code(connection(query, [(b"host", b"localhost"), *headers])) == code

    live(scenario)


def test_an_expired_token_and_an_operator_are_turned_away(world: World):
    expired = AccessToken.for_user(world.user(Role.ENGINEER))
    expired.set_exp(lifetime=-timedelta(minutes=1))
    with no_scope():
        from organizations.models import User

        operator = User.objects.create_user("operator@example.com", "x" * 20, name="Op", is_operator=True)
        dead_tokens = [str(expired), issue_tokens(operator).access]

    async def scenario() -> None:
        for dead in dead_tokens:
            assert await close_code(connection(f"token={dead}")) == 4401

    with no_scope():
        live(scenario)


def test_the_portals_session_listens_from_its_own_pages_only(world: World):
    client = Client()
    client.force_login(world.user(Role.ENGINEER))
    cookie = (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())
    own = [(b"host", b"localhost:8000"), cookie, (b"origin", b"http://localhost:8000")]
    foreign = [(b"host", b"localhost:8000"), cookie, (b"origin", b"http://localhost.evil.example:8000")]

    async def scenario() -> None:
        assert await close_code(connection(headers=foreign)) == 4403
        listener = await connected(connection(headers=own))
        await sync_to_async(open_as)(world, Role.OWNER)
        assert (await hear(listener))["event"] == "opened"
        await sync_to_async(client.logout)()
        consumers_time_passes()
        await sync_to_async(open_as)(world, Role.OWNER)
        assert (await listener.receive_output(timeout=5))["code"] == 4401

    live(scenario)


def consumers_time_passes() -> None:
    """From now on no earlier check of the member is trusted."""
    consumers.TRUSTED_SECONDS = -1.0


@pytest.fixture(autouse=True)
def trusted_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "TRUSTED_SECONDS", consumers.TRUSTED_SECONDS)


def test_a_deactivated_member_hears_no_more(world: World):
    my_token = token(world)

    async def scenario() -> None:
        listener = await connected(connection(f"token={my_token}"))

        def deactivate() -> None:
            with world.scope():
                membership = world.members[Role.ENGINEER]
                member_change(membership_id=membership.pk, actor=world.actor, is_active=False)

        await sync_to_async(deactivate)()
        consumers_time_passes()
        await sync_to_async(open_as)(world, Role.OWNER)
        assert (await listener.receive_output(timeout=5))["code"] == 4401

    live(scenario)


def test_a_demotion_to_reporter_holds_for_the_next_event(world: World):
    my_token = token(world)

    async def scenario() -> None:
        listener = await connected(connection(f"token={my_token}"))

        def demote() -> None:
            with world.scope():
                membership = world.members[Role.ENGINEER]
                member_change(membership_id=membership.pk, actor=world.actor, role=Role.REPORTER)

        await sync_to_async(demote)()
        consumers_time_passes()
        await sync_to_async(open_as)(world, Role.OWNER)
        assert await listener.receive_nothing(0.5)

    live(scenario)


def test_a_token_that_expires_ends_the_connection_without_an_event(world: World):
    short = AccessToken.for_user(world.user(Role.ENGINEER))
    short.set_exp(lifetime=timedelta(seconds=1))

    async def scenario() -> None:
        listener = await connected(connection(f"token={short}"))
        assert (await listener.receive_output(timeout=5))["code"] == 4401

    live(scenario)


def test_what_is_undone_is_not_told(world: World):
    from django.db import transaction

    def undo() -> None:
        with transaction.atomic():
            open_as(world, Role.OWNER)
            transaction.set_rollback(True)

    my_token = token(world)

    async def scenario() -> None:
        listener = await connected(connection(f"token={my_token}"))
        await sync_to_async(undo)()
        assert await listener.receive_nothing(0.3)

    live(scenario)


def test_an_unknown_address_is_closed(world: World):
    async def scenario() -> None:
        assert await close_code(Connection("/live/nothing")) == 4404

    live(scenario)


def test_a_lost_redis_neither_fails_nor_delays_the_change(world: World, monkeypatch: pytest.MonkeyPatch):
    import time

    async def refuse(*_: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr("notifications.live.publishing._send", refuse)
    began = time.monotonic()
    incident = open_as(world, Role.OWNER)
    with world.scope():
        for number in range(20):
            incident_note(incident_id=incident.pk, actor=world.actor, body=f"note {number}")
    assert time.monotonic() - began < 5


def test_a_connection_without_redis_is_closed_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch):
    from redis.exceptions import ConnectionError as RedisAwayError

    async def refuse(*_: Any) -> None:
        raise RedisAwayError("refused")

    monkeypatch.setattr("channels_redis.pubsub.RedisSingleShardConnection.subscribe", refuse)

    my_token = token(world)

    async def scenario() -> None:
        assert await close_code(connection(f"token={my_token}")) == 1013

    live(scenario)

"""``WS /live/logs``: every log that matches is sent or counted, to those who may read it, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from rest_framework_simplejwt.tokens import AccessToken

from ingestion.logstore import log_store
from ingestion.wake_up import wake_up_calls
from notifications.live import log_tail as tail
from organizations.access import Role
from organizations.actions.members import member_change
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, log, post
from tests.notifications.test_live import Connection, close_code, hear, live, token

PATH = "/live/logs"


@pytest.fixture
def shop(committed_database: str) -> Iterator[Shop]:
    yield make_shop()
    thread = tail.log_tail._thread
    if thread is not None:
        thread.join(5)
    wake_up_calls.drain()
    log_store().close()  # type: ignore[attr-defined]


async def listening(credential: str, filters: str = "") -> Connection:
    opened = Connection(PATH, f"token={credential}&{filters}")
    assert await opened.connect()
    return opened


async def send(shop: Shop, logs: list[dict[str, Any]]) -> None:
    answer = await sync_to_async(post)(shop.key, body(logs))
    assert answer.status_code == 200, answer.content


async def hang_up(*connections: Connection) -> None:
    for each in connections:
        await each.send_input({"type": "websocket.disconnect", "code": 1000})
        await each.wait()


def test_a_listener_hears_what_matches_and_only_of_its_organization(shop: Shop):
    other = make_shop("Globex")
    mine, theirs = token(shop.world), token(other.world)

    async def scenario() -> None:
        filters = "min_level=WARN&q=refused%20-healthcheck&metadata.http.status=500&service=checkout"
        picky, stranger = await listening(mine, filters), await listening(theirs)
        await send(
            shop,
            [
                log(1, level="INFO"),
                log(2, message="healthcheck refused"),
                log(3, metadata={"http": {"status": 200}}),
                log(4, metadata={"http.status": "500", "trace_id": "ab" * 16}),
            ],
        )
        heard = await hear(picky)
        assert heard["message"].endswith("attempt 4") and heard["type"] == "log"
        assert (heard["level"], heard["service"], heard["trace_id"]) == ("ERROR", "checkout", "ab" * 16)
        assert {"id", "timestamp", "received_at", "environment", "metadata", "pattern"} < set(heard)
        assert await picky.receive_nothing(0.6) and await stranger.receive_nothing(0.1)
        await hang_up(picky, stranger)

    live(scenario)


def test_a_flood_is_sent_or_counted_to_the_last_log(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tail, "MOST_AT_ONCE", 10)
    credential = token(shop.world)

    async def scenario() -> None:
        listener = await listening(credential)
        for part in range(3):
            await send(shop, [log(part * 400 + n) for n in range(400)])
        sent, skipped = 0, 0
        while sent + skipped < 1_200:
            message = await hear(listener)
            sent += message["type"] == "log"
            skipped += message["count"] if message["type"] == "skipped" else 0
        assert sent + skipped == 1_200 and 10 <= sent <= 300
        await hang_up(listener)

    live(scenario)


def test_a_log_that_becomes_visible_late_is_not_missed(shop: Shop, runtime_connection: psycopg.Connection[Any]):
    """Its transaction began before the others' and ends after them."""
    credential = token(shop.world)
    insert = (
        "INSERT INTO log_entry (organization_id, retention_days, received_at, service_id, timestamp, hash, level,"
        " message, metadata) VALUES (%s, 30, %s, %s, %s, 1, 40, 'late', '{}')"
    )
    now = datetime.now(UTC)

    async def scenario() -> None:
        await send(shop, [log(0)])  # There is a partition now.
        listener = await listening(credential)
        with runtime_connection.transaction():
            runtime_connection.execute(
                "SELECT set_config('app.organization_id', %s, true)", [str(shop.organization_id)]
            )
            runtime_connection.execute(insert, [shop.organization_id, now, shop.service.pk, now])
            await send(shop, [log(1)])
            assert (await hear(listener))["message"].endswith("attempt 1")
            await send(shop, [log(2)])
            assert (await hear(listener))["message"].endswith("attempt 2")
        assert (await hear(listener))["message"] == "late"
        assert await listener.receive_nothing(0.6), "each log comes once"
        await hang_up(listener)

    live(scenario)


def test_who_loses_the_right_loses_the_connection(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tail, "TRUSTED_SECONDS", 0.0)
    credential = token(shop.world)
    soon = AccessToken.for_user(shop.world.user(Role.TEAM_LEAD))
    soon.set_exp(lifetime=timedelta(seconds=2))

    def deactivate() -> None:
        with shop.world.scope():
            engineer = shop.world.members[Role.ENGINEER]
            member_change(membership_id=engineer.pk, actor=shop.world.actor, is_active=False)

    async def scenario() -> None:
        engineer, expiring = await listening(credential), await listening(str(soon))
        await sync_to_async(deactivate)()
        for ended in (engineer, expiring):
            message = await ended.receive_output(timeout=5)
            assert (message["type"], message["code"]) == ("websocket.close", 4401)
            await hang_up(ended)

    live(scenario)


def test_who_is_turned_away(shop: Shop):
    reporter, engineer = token(shop.world, Role.REPORTER), token(shop.world)

    async def scenario() -> None:
        assert await close_code(Connection(PATH, "")) == 4401
        assert await close_code(Connection(PATH, f"token={shop.key}")) == 4403
        assert await close_code(Connection(PATH, f"token={reporter}")) == 4403
        wrong = await listening(engineer, "level=LOUD")
        assert "LOUD" in (await hear(wrong))["detail"]
        assert (await wrong.receive_output(timeout=5))["code"] == 4400

    live(scenario)

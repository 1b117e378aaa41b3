"""The route in front of Django: what it takes, what it leaves, what it bounds. Its answers: test_ingest_api.py."""

from __future__ import annotations

import asyncio
import gc
import gzip
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError
from django.utils import timezone

from ingestion.api import ingest_route, thin_route
from ingestion.api.turns import TooManyWaitError, Turns
from ingestion.limits import BODY_BYTES
from ingestion.logstore import log_store
from ingestion.logstore.port import LogStoreBusyError
from organizations import keys
from organizations.keys import authenticate_key, hash_key, key_cache, refresh_key
from organizations.models import ApiKey
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import body, log, post, through_the_route

KIB = 1024


@pytest.fixture
def route() -> Iterator[Any]:
    with through_the_route() as opened:
        yield opened


def test_ordinary_requests_do_not_reach_django(shop: Shop, route: Any):
    contents = (body([log(1)]), body([log(index) for index in range(500)]), body([log(2), {"level": "loud"}]))
    for content in contents:
        assert post(shop.key, content).status_code == 200
    assert post(shop.key, gzip.compress(contents[0]), content_encoding="gzip").status_code == 200
    assert post(shop.key, b"[]").status_code == 400
    assert (route.taken, route.left) == (5, 0)


def test_the_rest_is_left_to_django(shop: Shop, route: Any):
    gateway = shop.world.key().key
    assert post(gateway, log(1, service="checkout")).status_code == 200
    assert post("ick_00000000_nobody", log(1)).status_code == 401
    assert post(shop.key, log(2), idempotency_key="once").status_code == 200
    assert post(shop.key, b" " * (BODY_BYTES + 1)).status_code == 413
    assert (route.taken, route.left) == (0, 4)
    twice = [(b"x-api-key", shop.key.encode())] * 2
    assert route.call(twice, [b"{}"]) is None


def test_a_body_in_chunks_is_read_to_the_limit_and_no_further(shop: Shop, route: Any):
    authenticate_key(shop.key)
    headers = [(b"authorization", f"Bearer {shop.key}".encode()), (b"content-type", b"application/json")]
    content = body([log(index) for index in range(400)])
    pieces = [content[start : start + KIB] for start in range(0, len(content), KIB)]
    assert route.call(headers, pieces).json()["received"] == 400
    endless = [b" " * (256 * KIB)] * 200  # 50 MB
    answer = route.call(headers, endless)
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
    assert answer.unread == 200 - BODY_BYTES // (256 * KIB) - 1


def test_an_answer_carries_its_request_id(shop: Shop, route: Any):
    assert post(shop.key, log(1), x_request_id="deploy-2026-11").headers["X-Request-ID"] == "deploy-2026-11"
    answer = post(shop.key, b"{", x_request_id="bad id\n")
    assert answer.json()["request_id"] == answer["X-Request-ID"] != "bad id\n"


def test_a_revoked_key_is_refused_within_a_second(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    now = time.monotonic()
    assert authenticate_key(shop.key) is not None
    secret = hash_key(shop.key)
    with shop.world.scope():
        ApiKey.objects.update(revoked_at=timezone.now())
    assert key_cache.get_in_use(secret, now + 0.3)[0] is not None
    identity, is_due = key_cache.get_in_use(secret, now + 0.8)
    assert identity is not None and is_due, "whoever asks in the second half looks it up again"
    assert key_cache.get_in_use(secret, now + 0.8)[1] is False, "but only one of them"
    assert key_cache.get_in_use(secret, now + 1.5) == (None, False)
    refresh_key(secret)
    assert key_cache.get_in_use(secret, time.monotonic()) == (None, False)
    assert keys.CACHE_SECONDS <= 1.0


def test_a_quiet_sender_comes_back_by_the_same_way(shop: Shop, route: Any):
    assert post(shop.key, log(1)).status_code == 200
    headers = [(b"x-api-key", shop.key.encode())]
    key_cache._entries[hash_key(shop.key)] = (0.0, authenticate_key(shop.key))
    assert route.call(headers, [body([log(2)])]).status_code == 200
    with shop.world.scope():
        ApiKey.objects.update(revoked_at=timezone.now())
    key_cache._entries[hash_key(shop.key)] = (0.0, key_cache._entries[hash_key(shop.key)][1])
    assert route.call(headers, [body([log(3)])]) is None, "a revoked key is Django's to refuse"


def test_what_is_refused_at_once_leaves_nothing_behind_on_the_loop(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise LogStoreBusyError("60,000 logs wait to be committed")

    authenticate_key(shop.key)
    monkeypatch.setattr(type(log_store()), "begin", full)
    monkeypatch.setattr(ingest_route, "ANSWER_WITHIN_SECONDS", 0.01)
    said: list[Any] = []
    complaints: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body([log(1)]), "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
        scope = {"type": "http", "method": "POST", "path": "/v1/ingest", "headers": [(b"x-api-key", shop.key.encode())]}
        await ingest_route.IngestRoute(receive)(scope, receive, send)
        await asyncio.sleep(0.05)
        gc.collect()

    asyncio.run(run())
    assert (said[0]["status"], complaints) == (503, [])


def test_who_announces_a_body_and_sends_none_gives_its_memory_back(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(thin_route, "LONGEST_UPLOAD_SECONDS", 0.05)
    authenticate_key(shop.key)
    said: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        said.append(message)

    async def run() -> ingest_route.IngestRoute:
        headers = [(b"x-api-key", shop.key.encode()), (b"content-length", str(BODY_BYTES).encode())]
        route = ingest_route.IngestRoute(receive)
        await asyncio.wait_for(route({"type": "http", "method": "POST", "headers": headers}, receive, send), 5)
        return route

    route = asyncio.run(run())
    assert (said[0]["status"], route._turns._held) == (408, {})


def test_a_connection_that_died_under_the_look_up_is_djangos_to_answer(
    shop: Shop, route: Any, monkeypatch: pytest.MonkeyPatch
):
    def dead(secret_hash: bytes) -> None:
        raise InterfaceError("the cursor is closed")

    assert post(shop.key, log(1)).status_code == 200
    key_cache._entries[hash_key(shop.key)] = (0.0, authenticate_key(shop.key))
    monkeypatch.setattr(keys, "_look_up", dead)
    assert route.call([(b"x-api-key", shop.key.encode())], [body([log(2)])]) is None


# ---- Turns -----------------------------------------------------------------------------------------------------------


def test_memory_for_waiting_bodies_is_bounded_for_all_and_for_one():
    turns = Turns(at_once=1, bytes_waiting=100, bytes_of_one=60)
    turns.hold(1, 60)
    with pytest.raises(TooManyWaitError):
        turns.hold(1, 1)
    turns.hold(2, 40)
    with pytest.raises(TooManyWaitError):
        turns.hold(3, 1)
    turns.release(1, 60)
    turns.hold(3, 60)


def test_a_flood_delays_another_organization_by_one_turn():
    served: list[int] = []

    async def request(turns: Turns, organization: int) -> None:
        await turns.wait(organization)
        served.append(organization)
        await asyncio.sleep(0)
        turns.done()

    async def run() -> None:
        turns = Turns(at_once=2)
        flood = [asyncio.create_task(request(turns, 1)) for _ in range(50)]
        await asyncio.sleep(0)
        left = asyncio.create_task(request(turns, 1))
        await asyncio.sleep(0)
        left.cancel()  # A client that leaves while it waits keeps nobody's place.
        await asyncio.gather(*flood, request(turns, 2))
        await asyncio.wait_for(turns.wait(3), 1)

    asyncio.run(run())
    assert served.index(2) <= 6
    assert len(served) == 51

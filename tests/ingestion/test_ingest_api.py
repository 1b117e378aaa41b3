"""``POST /v1/ingest`` from end to end: what is answered is what is stored."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import zstandard
from django.test import Client

from ingestion.levels import Level
from ingestion.limits import BODY_BYTES
from ingestion.logstore import log_store
from ingestion.models import DeadLetter, LogEntry
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, everything, log, post, through_the_route


@pytest.fixture(params=["django", "route"], autouse=True)
def way_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every promise holds for Django's view and for the route in front of it."""
    if request.param == "django":
        yield "django"
    else:
        with through_the_route():
            yield "route"


def stored(shop: Shop) -> int:
    with shop.world.scope():
        return LogEntry.objects.filter(service_id=shop.service.pk).count()


def letters(shop: Shop) -> list[DeadLetter]:
    with shop.world.scope():
        return list(DeadLetter.objects.order_by("id"))


@pytest.mark.parametrize("count", [1, 50, 1_000])
def test_a_repeated_batch_changes_nothing(shop: Shop, count: int):
    content = body([log(index) for index in range(count)])
    first, second = post(shop.key, content), post(shop.key, content)
    assert first.status_code == 200
    assert first.json() == {"received": count, "duplicates_skipped": 0, "dead_lettered": 0}
    assert second.json() == {"received": 0, "duplicates_skipped": count, "dead_lettered": 0}
    assert stored(shop) == count


def test_what_is_stored_is_what_was_sent(shop: Shop):
    sent = log(7, level="critical", metadata={"trace_id": "abc", "ünïcode": ["😀", None, 1.5, {"x": True}]})
    assert post(shop.key, sent).json()["received"] == 1
    with shop.world.scope():
        entry = LogEntry.objects.get()
    assert entry.level == Level.FATAL
    assert entry.message == sent["message"]
    assert entry.metadata == sent["metadata"]
    assert entry.trace_id == "abc"
    assert entry.timestamp.isoformat() == sent["timestamp"]
    assert entry.retention_days == shop.world.organization.log_retention_days


def test_packed_bodies(shop: Shop):
    content = body([log(1)])
    assert post(shop.key, gzip.compress(content), content_encoding="gzip").json()["received"] == 1
    assert post(shop.key, zstandard.compress(content), content_encoding="zstd").json()["duplicates_skipped"] == 1


def test_the_same_log_twice_in_one_batch(shop: Shop):
    one = log(1)
    assert post(shop.key, body([one, one, log(2)])).json() == {
        "received": 2,
        "duplicates_skipped": 1,
        "dead_lettered": 0,
    }


def test_one_bad_entry_does_not_lose_the_other_999(shop: Shop):
    logs = [log(index) for index in range(1_000)]
    logs[500]["level"] = "loud"
    answer = post(shop.key, body(logs)).json()
    assert (answer["received"], answer["dead_lettered"]) == (999, 1)
    assert answer["errors"] == [{"index": 500, "reason": "level: 'loud' is not one of DEBUG, INFO, WARN, ERROR, FATAL"}]
    assert stored(shop) == 999
    (letter,) = letters(shop)
    assert (letter.kind, letter.service_id, letter.occurrences) == ("entry", shop.service.pk, 1)
    assert json.loads(letter.text)["level"] == "loud"
    post(shop.key, body(logs))
    assert [letter.occurrences for letter in letters(shop)] == [2]


# ---- Refusals --------------------------------------------------------------------------------------------------------

HOSTILE = {
    "truncated gzip": (gzip.compress(body([log()]))[:-9], {"content_encoding": "gzip"}, 400),
    "gzip bomb": (gzip.compress(bytes(50_000_000)), {"content_encoding": "gzip"}, 413),
    "zstd bomb": (zstandard.compress(bytes(50_000_000)), {"content_encoding": "zstd"}, 413),
    "too large": (b" " * (BODY_BYTES + 1), {}, 413),
    "50 MB": (b"x" * 50_000_000, {}, 413),
    "not JSON": (b"level=info", {}, 400),
    "a form": (b"level=info", {"content_type": "application/x-www-form-urlencoded"}, 415),
    "XML": (b"<log/>", {"content_type": "text/xml"}, 415),
    "brotli": (b"\x0b\x02", {"content_encoding": "br"}, 415),
    "invalid UTF-8": (b"\xff\xfe", {}, 400),
    "10,000 deep": (b'{"logs":[' + b"[" * 10_000 + b"]" * 10_000 + b"]}", {}, 400),
    "an array": (b"[]", {}, 400),
    "too many": (b'{"logs":[' + b",".join([b"1"] * 10_001) + b"]}", {}, 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_unreadable_body_is_refused_and_leaves_one_counted_dead_letter(shop: Shop, name: str):
    content, headers, status = HOSTILE[name]
    for _ in range(2):
        answer = post(shop.key, content, **dict(headers))
        assert answer.status_code == status, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]
    (letter,) = letters(shop)
    assert (letter.kind, letter.occurrences, letter.size) == ("body", 2, len(content))
    assert bytes(letter.content) == content[: 64 * 1024]
    assert stored(shop) == 0


def test_an_empty_batch_is_refused_without_a_dead_letter(shop: Shop):
    for content in (b'{"logs":[]}', b""):
        assert post(shop.key, content).status_code == 400
    assert letters(shop) == []


def test_without_a_live_key_nothing_is_kept(shop: Shop):
    for headers in ({}, {"HTTP_X_API_KEY": "ick_unknown"}, {"HTTP_AUTHORIZATION": "Bearer ick_unknown"}):
        answer = Client().post("/v1/ingest", b"{}", content_type="application/json", **headers)
        assert answer.status_code == 401
    assert letters(shop) == []
    assert Client().get("/v1/ingest", HTTP_X_API_KEY=shop.key).status_code == 405


def test_the_key_may_be_a_bearer(shop: Shop):
    answer = Client().post(
        "/v1/ingest", body([log()]), content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {shop.key}"
    )
    assert answer.json()["received"] == 1


# ---- Time ------------------------------------------------------------------------------------------------------------


def test_late_logs_get_their_partition_and_too_late_ones_a_dead_letter(shop: Shop):
    now = datetime.now(UTC)
    days = [0, 1, 13, 29, 31, -2]
    answer = post(shop.key, body([log(at=now - timedelta(days=day)) for day in days])).json()
    assert answer["received"] == 4
    assert [error["index"] for error in answer["errors"]] == [4, 5]
    assert "older than the organization keeps" in answer["errors"][0]["reason"]
    assert "in the future" in answer["errors"][1]["reason"]


def test_without_timestamp_each_log_is_stored_unless_an_idempotency_key_says_otherwise(shop: Shop):
    content = {"level": "info", "message": "no time"}
    assert [post(shop.key, content).json()["received"] for _ in range(2)] == [1, 1]
    first = post(shop.key, content, idempotency_key="one")
    again = post(shop.key, content, idempotency_key="one")
    assert first.content == again.content
    assert again["Idempotent-Replay"] == "true"
    other = post(shop.key, {**content, "message": "another"}, idempotency_key="one")
    assert other.status_code == 409
    assert stored(shop) == 3


def test_one_idempotency_key_in_eight_threads_stores_once(shop: Shop):
    content = json.dumps({"logs": [{"level": "info", "message": "no time"}] * 5}).encode()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(shop.key, content, idempotency_key="race").content, range(8)))
    assert len(set(answers)) == 1
    assert stored(shop) == 5


# ---- Races -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [20, 1_000])
def test_the_same_batch_from_eight_threads_is_stored_once(shop: Shop, count: int):
    content = body([log(index) for index in range(count)])
    with ThreadPoolExecutor(8) as pool:
        answers = [answer.json() for answer in pool.map(lambda _: post(shop.key, content), range(8))]
    assert sum(answer["received"] for answer in answers) == count
    assert sum(answer["duplicates_skipped"] for answer in answers) == 7 * count
    assert stored(shop) == count


def test_requests_of_several_organizations_share_commits_and_keep_apart(shop: Shop):
    shops = [shop, *(make_shop() for _ in range(3))]
    with ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(post, each.key, body([log(index)])) for index in range(50) for each in shops]
        assert all(job.result().json()["received"] == 1 for job in jobs)
    for each in shops:
        with each.world.scope():
            assert {entry.service_id for entry in LogEntry.objects.all()} == {each.service.pk}
            assert LogEntry.objects.count() == 50


def test_with_the_database_away_nothing_is_said_to_be_received(
    shop: Shop, committed_database: str, monkeypatch: pytest.MonkeyPatch
):
    assert post(shop.key, log(1)).status_code == 200
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "NAME", "not_there")
    for content in (body([log(2)]), body([log(index) for index in range(1_000)])):
        answer = post(shop.key, content)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
    monkeypatch.setitem(connections.settings["default"], "NAME", committed_database)
    assert stored(shop) == 1
    assert post(shop.key, log(2)).status_code == 200


def test_connections_that_died_while_idle_cost_nobody_an_error(shop: Shop):
    assert post(shop.key, log(1)).status_code == 200
    import os

    with psycopg.connect(os.environ["TEST_SUPERUSER_URL"], autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'incident_center ingestion'"
        )
    assert post(shop.key, log(2)).status_code == 200
    assert stored(shop) == 2


# ---- Gateways --------------------------------------------------------------------------------------------------------


def test_a_gateway_makes_services_on_first_sight(shop: Shop):
    gateway = shop.world.key().key
    logs = [log(1, service="Checkout"), log(2, service="billing", environment="staging"), log(3)]
    answer = post(gateway, body(logs)).json()
    assert (answer["received"], answer["dead_lettered"]) == (2, 1)
    assert answer["errors"][0]["reason"] == "service: a gateway key needs the name of the service"
    assert stored(shop) == 1  # The existing service, found without regard to case.
    (letter,) = letters(shop)
    assert letter.service_id is None


def test_what_the_store_finds_is_what_the_gateway_sent(shop: Shop):
    gateway = shop.world.key().key
    assert post(gateway, body([log(index, service="checkout") for index in range(10)])).json()["received"] == 10
    with shop.world.scope():
        assert len(log_store().search(everything(shop.service.pk), limit=100)) == 10


# ---- Rates -----------------------------------------------------------------------------------------------------------


def allow(settings: Any, **rates: int) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, intake_burst_seconds=1, **rates)


def test_a_key_that_sends_too_much_waits_and_the_others_do_not(shop: Shop, settings: Any):
    allow(settings, key_logs_per_second=50)
    other = shop.world.key(shop.service).key
    assert post(shop.key, body([log(index) for index in range(80)])).status_code == 200
    refused = post(shop.key, log(100))
    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert int(refused["Retry-After"]) >= 1
    assert "key" in refused.json()["detail"]
    assert post(other, log(101)).status_code == 200
    assert stored(shop) == 81


def test_the_keys_of_an_organization_share_its_rate(shop: Shop, settings: Any):
    allow(settings, organization_logs_per_second=50)
    other = shop.world.key(shop.service).key
    neighbour = make_shop()
    assert post(shop.key, b"\xff" * 80_000).status_code == 400
    refused = post(other, log(1))
    assert (refused.status_code, "organization" in refused.json()["detail"]) == (429, True)
    assert post(neighbour.key, log(1)).status_code == 200

"""Finished stretches are indexed, longer ones replace shorter ones, and a search finds the same with and without."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion.logstore import log_store
from ingestion.logstore.port import LogQuery, LogRecord
from ingestion.logstore.postgresql import indexing
from ingestion.logstore.postgresql.days import Partition, partitions
from ingestion.logstore.postgresql.indexing import Block, index_finished_stretches, wanted_blocks
from ingestion.search_syntax import metadata_alternatives
from ingestion.sweeps import MinuteCounter
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import as_owner, body, log, post

Connection = psycopg.Connection[Any]
TODAY = datetime.now(UTC).date()
YESTERDAY = Partition(30, TODAY - timedelta(days=1))


def at(clock: str) -> datetime:
    return datetime.combine(YESTERDAY.day, datetime.strptime(clock, "%H:%M").time(), UTC)


@pytest.mark.parametrize(
    ("clock", "edges"),
    [
        ("00:10", []),
        ("00:17", ["00:15"]),
        ("07:50", ["06:00", "07:00", "07:15", "07:30", "07:45"]),
        ("13:00", ["06:00", "12:00", "12:15", "12:30", "12:45"]),
        ("13:01", ["06:00", "12:00", "13:00"]),
    ],
)
def test_the_longest_finished_stretches_are_wanted(clock: str, edges: list[str]):
    blocks = list(wanted_blocks(YESTERDAY, at(clock)))
    assert [f"{block.ends_at:%H:%M}" for block in blocks] == edges
    assert [block.starts_at for block in blocks] == [at("00:00"), *(block.ends_at for block in blocks)][: len(blocks)]
    assert len(list(wanted_blocks(YESTERDAY, at("23:59")))) == 3 + 5 + 3


def test_a_day_that_is_over_is_one_block():
    (block,) = wanted_blocks(Partition(7, date(2026, 1, 1)), datetime(2026, 1, 2, 0, 1, tzinfo=UTC))
    assert block.is_day


@pytest.fixture
def filled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Yesterday's first three hours, a log every minute of two services each; a hundred are worth an index here."""
    monkeypatch.setattr(indexing, "LEAST_ROWS", 20)
    for key, name in ((shop.key, "checkout"), (shop.world.key(shop.world.service("vault")).key, "vault")):
        logs = [
            log(
                at=at("00:00") + timedelta(minutes=index),
                level="ERROR" if index % 7 == 0 else "INFO",
                message=f"{name} {'refused' if index % 50 == 3 else 'accepted'} order {index} of user-{index % 9}"
                f", session-4{index:03}",
                metadata={"trace_id": f"trace-{index // 10}", "user": index % 9},
            )
            for index in range(180)
        ]
        assert post(key, body(logs)).json()["received"] == 180
    MinuteCounter().run()
    return shop


def found(shop: Shop, limit: int = 1_000, **conditions: Any) -> list[LogRecord]:
    """All pages, newest first; and the same read from the other end."""
    with shop.world.scope():
        services = tuple(service.pk for service in type(shop.service).objects.all())
        query = LogQuery(conditions.pop("services", services), at("00:00"), at("23:59"), **conditions)
        pages: list[LogRecord] = []
        while page := log_store().search(query, limit=limit, older_than=pages[-1].position if pages else None):
            pages += page
        if pages:
            forward = log_store().search(query, limit=1_000, newer_than=pages[-1].position)
            assert forward == pages[:-1]
    return pages


def searches(shop: Shop) -> list[list[LogRecord]]:
    user = (metadata_alternatives("user", "4"),)
    return [
        found(shop),
        found(shop, words=("refused",), limit=3),
        found(shop, words=("REFUSED", "user-8"), excluded=("vault",)),
        found(shop, words=("nowhere",)),
        found(shop, words=("r 7",), limit=7),  # Too short for the index.
        found(shop, metadata=user, limit=4),
        found(shop, metadata=user, words=("accepted",), minimum_level=40),
        found(shop, trace_id="trace-5", limit=6),
        found(shop, words=("refused",), services=(shop.service.pk,)),
        found(shop, words=("SESSION-4103",), limit=1),
        found(shop, words=("session-4103", "refused"), excluded=("vault",)),
        found(shop, words=("session-4104", "refused")),  # That one was accepted.
    ]


def test_a_search_finds_the_same_whatever_is_indexed(
    filled: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    before = searches(filled)
    assert [len(logs) for logs in before] == [360, 8, 1, 0, 22, 40, 6, 20, 4, 2, 1, 0]
    # However few logs there are, what is indexed shall be looked up.
    change(owner_connection, "ingestion_search_windows", {"50000 ELSE 1000": "0 ELSE 0", ":= 6000": ":= 3"})
    change(owner_connection, "ingestion_rare_part", {"* 1000 <=": "* 100 <="})
    for clock, built in (("02:20", 3), ("03:01", 1), ("03:01", 0)):
        with as_owner(owner_connection, monkeypatch):
            assert index_finished_stretches(at(clock)) == built
        assert searches(filled) == before
    assert blocks(owner_connection) == ["00:00-01:00", "01:00-02:00", "02:00-03:00"]
    late = log(at=at("01:30"), message="refused too late", level="INFO")
    assert post(filled.key, late).json()["received"] == 1
    assert len(found(filled, words=("refused",))) == 9
    with as_owner(owner_connection, monkeypatch):
        assert index_finished_stretches(YESTERDAY.ends_at + timedelta(hours=1)) == 1
    assert blocks(owner_connection) == ["00:00-00:00"]
    assert len(found(filled, words=("refused",))) == 9
    names = owner_connection.execute(
        "SELECT indexname FROM pg_indexes WHERE indexname ~ '[0-9]_(text|trace)$'"
    ).fetchall()
    assert {name for (name,) in names} == {f"{YESTERDAY.name}_text", f"{YESTERDAY.name}_trace"}


def change(owner: Connection, function: str, replacements: dict[str, str]) -> None:
    """Puts other numbers into a function, for the length of the test."""
    [(source,)] = owner.execute("SELECT pg_get_functiondef(%s::regproc)", [function]).fetchall()
    for number, other in replacements.items():
        assert number in source
        source = source.replace(number, other)
    owner.execute(source.encode())


def test_a_number_in_a_word_is_looked_up_alone_while_it_is_rare(filled: Shop, owner_connection: Connection):
    def part(*words: str) -> str | None:
        [(found,)] = owner_connection.execute(
            "SELECT ingestion_rare_part(%s, %s, %s, %s, %s)",
            [filled.world.organization.pk, [filled.service.pk], list(words), at("00:00"), at("23:59")],
        ).fetchall()
        return None if found is None else str(found)

    assert part("user-47110") == "%47110%"
    assert part("of user-47110, session-4") == "%47110%"
    assert part("nobody", "47110") == "%47110%"
    assert part("session-4103") is None, "one log of 180 has it, which is not rare"
    assert part("user-471", "refused", "order 7") is None, "too short to tell"
    assert part("47110") is None, "there is nothing to leave out"


def blocks(owner: Connection) -> list[str]:
    rows = owner.execute("SELECT retention_days, starts_at, ends_at FROM log_index_block ORDER BY starts_at").fetchall()
    return [f"{block.starts_at:%H:%M}-{block.ends_at:%H:%M}" for block in (Block(*row) for row in rows)]


def test_a_stretch_with_few_logs_is_not_indexed(
    filled: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing, "LEAST_ROWS", 1_000)
    with as_owner(owner_connection, monkeypatch):
        assert YESTERDAY in partitions()
        assert index_finished_stretches(at("03:01")) == 0


def test_what_an_interrupted_run_left_of_shorter_stretches_goes_with_the_next(
    filled: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    with as_owner(owner_connection, monkeypatch):
        assert index_finished_stretches() == 1
        quarter = Block(30, at("00:00"), at("00:15"))
        indexing._build(YESTERDAY, quarter)
        index_finished_stretches()
        assert indexing._known_blocks(YESTERDAY) == {Block(30, YESTERDAY.starts_at, YESTERDAY.ends_at)}


def test_quiet_days_are_asked_for_all_at_once(
    filled: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    for days in range(2, 12):
        post(filled.key, body([log(at=at("12:00") - timedelta(days=days))]))
    MinuteCounter().run()
    with as_owner(owner_connection, monkeypatch), CaptureQueriesContext(connection) as asked:
        assert index_finished_stretches() == 1
    assert sum("log_minute" in query["sql"] for query in asked) == 2

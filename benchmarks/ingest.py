"""Logs into the database: the product, the naive way, and binary COPY into the same indexed table.

All in one run, on logs of one form (about 250 bytes), with commits that reach the disk. Product and naive way are
called over HTTP, at the web process that ``script/start`` runs, by a client process on the same machine, which takes
its share of the processors; COPY is what is left when there is no Python at all: packed beforehand, one connection, one
commit a batch, no deduplication. Everything that ingestion does is on: key look-up, signals, group commit.
"""

from __future__ import annotations

import itertools
import os
import random
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.harness import Measurement, measurement_of, start_installation, write_results
from benchmarks.web import WebServer, database_process, processor_seconds, start_web

BATCHES = (1, 100, 1_000, 5_000)
CONNECTIONS = (1, 32, 128)
PRODUCT, REPEATS, ALL_REPEATED, NAIVE, COPY = (
    "incident center",
    "a tenth repeated",
    "all repeated",
    "naive",
    "binary COPY",
)
#: Logs of one measurement: enough for seconds, by entries in a request and by connections.
LOGS = {1: 12_000, 100: 120_000, 1_000: 240_000, 5_000: 320_000}
FEW = {1: 3, 32: 1, 128: 1}  # One connection waits for each commit.
NAIVE_SHARE = 10

_sequence = itertools.count()
_random = random.Random(1)
_WORDS = "payment refused upstream timeout retry order customer queue lock pool cache connection"
_LEVELS = ("DEBUG",) * 20 + ("INFO",) * 70 + ("WARN",) * 6 + ("ERROR",) * 4
_PHRASES = [" ".join(_random.choices(_WORDS.split(), k=9)) for _ in range(500)]


def logs(count: int) -> list[str]:
    """JSON entries that were never sent before, spread over the last minute."""
    now = datetime.now(UTC)
    second = [(now - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S") for ago in range(1, 61)]
    pick, below, bits = _random.choice, _random.randrange, _random.getrandbits
    return [
        f'{{"timestamp": "{pick(second)}.{below(1_000_000):06}Z", "level": "{pick(_LEVELS)}", "message":'
        f' "{pick(_PHRASES)} in {below(5_000)} ms, order {next(_sequence)}", "metadata": {{"trace_id":'
        f' "{bits(128):032x}", "user": {below(10_000)}, "host": "web-3"}}}}'
        for _ in range(count)
    ]


def bodies(entries: Sequence[str], batch: int) -> list[bytes]:
    return [
        f'{{"logs": [{", ".join(entries[start : start + batch])}]}}'.encode() for start in range(0, len(entries), batch)
    ]


def with_repeats(new: Sequence[str], old: Sequence[str], batch: int) -> list[str]:
    """Of every ``batch`` entries the last tenth was sent before."""
    mixed: list[str] = []
    repeated = batch // 10
    for start in range(0, len(new), batch):
        mixed += new[start : start + batch - repeated]
        mixed += old[start : start + repeated]
    return mixed


# ---- The limit -------------------------------------------------------------------------------------------------------


class Copier:
    """COPY of packed rows into a table with the log table's columns and indexes, as its owner."""

    def __init__(self, *, service_id: int, organization_id: int) -> None:
        import psycopg

        self._ids = (service_id, organization_id)
        self._connection = psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True)
        self._connection.execute("CREATE TABLE copy_limit (LIKE log_entry INCLUDING ALL)")

    def measure(self, requests: Sequence[bytes], *, batch: int, database: WebServer) -> Measurement:
        streams = list(self._pack(requests))
        milliseconds = []
        before, began = processor_seconds(database.database), time.perf_counter()
        for stream in streams:
            started = time.perf_counter()
            self._copy(stream)
            milliseconds.append((time.perf_counter() - started) * 1_000)
        seconds = time.perf_counter() - began
        spent = processor_seconds(database.database) - before
        return measurement_of(
            COPY, batch=batch, connections=1, seconds=seconds, milliseconds=milliseconds, database_seconds=spent
        )

    def _copy(self, stream: bytes) -> None:
        columns = (
            'organization_id, retention_days, service_id, "timestamp", received_at, hash, level, message, metadata,'
            " trace_id"
        )
        with self._connection.cursor().copy(f"COPY copy_limit ({columns}) FROM STDIN (FORMAT binary)") as copy:  # type: ignore[arg-type]
            copy.write(stream)

    def _pack(self, requests: Sequence[bytes]) -> Iterator[bytes]:
        from ingestion.logstore.postgresql.binary import POSTGRES_EPOCH
        from ingestion.parsers.log_entries import parse_logs

        service_id, organization_id = self._ids
        now = datetime.now(UTC)
        received = int(now.timestamp() * 1_000_000) - POSTGRES_EPOCH
        constants = struct.pack("!hiqih", 10, 8, organization_id, 2, 30)
        for body in requests:
            parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
            rows = parse_logs(body, service_id=service_id, retention=timedelta(days=30), now=now).rows
            for service, timestamp, hash_, level, message, metadata, trace_id in sorted(rows):
                parts += (
                    constants,
                    struct.pack(
                        "!iqiqiqiqih", 8, service, 8, timestamp - POSTGRES_EPOCH, 8, received, 8, hash_, 2, level
                    ),
                    struct.pack("!i", len(message)) + message,
                    struct.pack("!i", len(metadata) + 1) + b"\1" + metadata,
                    struct.pack("!i", len(trace_id or b"")) + (trace_id or b""),
                )
            parts.append(b"\xff\xff")
            yield b"".join(parts)


# ---- The run ---------------------------------------------------------------------------------------------------------


def main() -> None:
    postgres = start_installation("benchmarks.settings")
    from tests.factories import make_world

    _make_naive_table()
    world = make_world("Benchmark", roles=())
    service = world.service("checkout")
    key = world.key(service).key
    web = start_web(database_process(postgres))
    copier = Copier(service_id=service.pk, organization_id=world.organization.pk)
    for path in ("/v1/ingest", "/naive/ingest"):
        web.measure("warm-up", [web.request(path, b, key) for b in bodies(logs(2_000), 10)], batch=10, connections=32)
    print(
        f"{'':17}{'batch':>6}{'conns':>6}{'logs/s':>10}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'web µs/log':>12}{'database µs/log':>17}",
        flush=True,
    )
    results: list[Measurement] = []
    ratios: list[dict[str, Any]] = []
    for batch in BATCHES:
        for connections in CONNECTIONS:
            few = FEW[connections] if batch == 1 else 1
            new = logs(LOGS[batch] // few)
            limit = copier.measure(
                bodies(new[: max(batch * 20, 3_000, len(new) // 3)], batch), batch=batch, database=web
            )

            def measure(what: str, entries: Sequence[str], path: str = "/v1/ingest") -> Measurement:
                requests = (web.request(path, body, key) for body in bodies(entries, batch))  # noqa: B023
                return web.measure(what, requests, batch=batch, connections=connections)  # noqa: B023

            measured = {COPY: limit, PRODUCT: measure(PRODUCT, new)}
            if batch > 1:
                fresh = logs(len(new) // 2)
                measured[REPEATS] = measure(REPEATS, with_repeats(fresh, new, batch))
            measured[ALL_REPEATED] = measure(ALL_REPEATED, new[: len(new) // 2])
            naive = new[: max(len(new) // NAIVE_SHARE, batch * min(connections, 4))]
            measured[NAIVE] = measure(NAIVE, naive, "/naive/ingest")
            results += measured.values()
            for one in measured.values():
                print(_line(one), flush=True)
            ratios.append(_ratio(batch, connections, measured))
            print(_sentence(ratios[-1]), flush=True)
    print(f"\nwritten to {write_results('ingest', results, ratios)}")


def _make_naive_table() -> None:
    """As the owner, with the grants that any table of the runtime role needs."""
    import psycopg
    from django.conf import settings
    from django.db import connection

    from benchmarks.naive.models import NaiveLog

    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(NaiveLog)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        for statement in editor.collected_sql:
            owner.execute(statement)
        owner.execute(f"GRANT SELECT, INSERT ON naive_log TO {settings.RUNTIME_ROLE}")  # type: ignore[arg-type]


def _line(one: Measurement) -> str:
    web, database = ("–" if us is None else f"{us:,.1f}" for us in (one.web_us, one.database_us))
    return (
        f"{one.what:17}{one.batch:>6}{one.connections:>6}{one.logs_per_second:>10,.0f}"
        f"{one.requests_per_second:>12,.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}{web:>12}{database:>17}"
    )


def _ratio(batch: int, connections: int, measured: dict[str, Measurement]) -> dict[str, Any]:
    product = measured[PRODUCT].logs_per_second
    ratio: dict[str, Any] = {
        "batch": batch,
        "connections": connections,
        "times_naive": round(product / measured[NAIVE].logs_per_second, 2),
        "of_copy": round(product / measured[COPY].logs_per_second, 2),
        "all_repeated": round(measured[ALL_REPEATED].logs_per_second / product, 2),
    }
    if REPEATS in measured:
        ratio["a_tenth_repeated"] = round(measured[REPEATS].logs_per_second / product, 2)
    return ratio


def _sentence(ratio: dict[str, Any]) -> str:
    repeats = f"; with a tenth repeated {ratio['a_tenth_repeated']:.2f} of that" if "a_tenth_repeated" in ratio else ""
    return f"  → {ratio['times_naive']:.1f} × the naive way, {ratio['of_copy']:.2f} of COPY{repeats}\n"


if __name__ == "__main__":
    main()

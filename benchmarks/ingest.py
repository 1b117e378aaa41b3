"""Logs into the database: the product, the naive way, and binary COPY into the same indexed table.

All in one run, on logs of one form (about 250 bytes), with commits that reach the disk. Product and naive way are
called over HTTP, at the web process that ``script/start`` runs, by a client process on the same machine, which takes
its share of the processors; COPY is what is left when there is no Python at all: packed beforehand, one connection, one
commit a batch, no deduplication. Everything that ingestion does is on: key look-up, signals, group commit. Each
measurement begins after a checkpoint, so that none writes back what the one before it left in memory.

The whole run takes as long as it is told to (``script/bench ingest SECONDS``), and no measurement longer than its share
of what is left: on a slow machine each sends fewer logs. At last both sides start anew with an index of the metadata,
which ingestion itself builds behind the stream.
"""

from __future__ import annotations

import itertools
import os
import random
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
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
#: Of the whole run, in seconds; starting takes 20 to 40 of them.
BUDGET = 240
#: Logs made for a second of measurement, by entries in a request: more than can be stored in it.
PER_SECOND = {1: 8_000, 100: 80_000, 1_000: 120_000, 5_000: 120_000}
#: Each of these takes seconds of the naive way.
NAIVE_LOGS = {1: 400, 100: 4_000, 1_000: 8_000, 5_000: 10_000}
#: How the time of a cell is shared; making its logs takes about as long as sending them.
SHARES = {PRODUCT: 0.25, COPY: 0.1, REPEATS: 0.12, ALL_REPEATED: 0.08}
LONGEST_CELL = 16.0
#: Batches that are measured with an index of the metadata, and over how many connections.
INDEXED_BATCHES, INDEXED_CONNECTIONS = (1_000, 5_000), 32

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

    def start_anew_with_metadata_index(self) -> None:
        """Empties the log table and the one beside it, and gives both the index that finished days have.

        Without a list of what is pending: each pays for its index when it writes, not whoever comes after it.
        """
        for table in ("log_entry", "copy_limit"):
            index = f"CREATE INDEX ON {table} USING gin (metadata jsonb_path_ops) WITH (fastupdate = off)"
            self._connection.execute(f"TRUNCATE {table}; {index}")  # type: ignore[arg-type]

    def measure(
        self, requests: Sequence[bytes], *, batch: int, database: WebServer, seconds: float, begin: Callable[[], None]
    ) -> Measurement:
        """As many of the requests as fit into ``seconds`` after ``begin``."""
        streams = list(self._pack(requests))
        begin()
        milliseconds: list[float] = []
        before, began = processor_seconds(database.database), time.perf_counter()
        for stream in streams:
            started = time.perf_counter()
            if milliseconds and started - began >= seconds:
                break
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


@dataclass
class Run:
    """Measures one cell after another, until ``ends_at`` at the latest, by ``time.monotonic``."""

    web: WebServer
    copier: Copier
    key: str
    checkpoint: Callable[[], None]
    ends_at: float
    cells_left: int
    results: list[Measurement] = field(default_factory=list)
    ratios: list[dict[str, Any]] = field(default_factory=list)

    def cell(self, batch: int, connections: int) -> None:
        """All ways of storing logs in requests of one size."""
        seconds = self._next_share()
        new = logs(self._count(PRODUCT, seconds, batch))
        measured = self._both(new, batch, connections, seconds)
        stored = new[: measured[PRODUCT].requests * batch]
        if batch > 1:
            fresh = logs(min(self._count(REPEATS, seconds, batch), len(stored)))
            mixed = with_repeats(fresh, stored, batch)
            measured[REPEATS] = self._send(REPEATS, mixed, batch, connections, seconds)
        measured[ALL_REPEATED] = self._send(ALL_REPEATED, stored, batch, connections, seconds)
        measured[NAIVE] = self._send(NAIVE, new[: NAIVE_LOGS[batch]], batch, connections, seconds, "/naive/ingest")
        self._keep(measured, _ratio(batch, connections, measured))

    def indexed_cell(self, batch: int, connections: int) -> None:
        """Ours and COPY only."""
        seconds = self._next_share()
        measured = self._both(logs(self._count(PRODUCT, seconds, batch)), batch, connections, seconds)
        of_copy = measured[PRODUCT].logs_per_second / measured[COPY].logs_per_second
        self._keep(
            measured,
            {"batch": batch, "connections": connections, "metadata_index": True, "of_copy": round(of_copy, 2)},
        )

    def _both(self, new: Sequence[str], batch: int, connections: int, seconds: float) -> dict[str, Measurement]:
        copied = bodies(new[: max(len(new) // 3, batch * 4)], batch)
        limit = self.copier.measure(
            copied, batch=batch, database=self.web, seconds=seconds * SHARES[COPY], begin=self.checkpoint
        )
        return {COPY: limit, PRODUCT: self._send(PRODUCT, new, batch, connections, seconds)}

    def _send(
        self,
        what: str,
        entries: Sequence[str],
        batch: int,
        connections: int,
        seconds: float,
        path: str = "/v1/ingest",
    ) -> Measurement:
        requests = [self.web.request(path, body, self.key) for body in bodies(entries, batch)]
        self.checkpoint()
        share = seconds * SHARES.get(what, SHARES[ALL_REPEATED])
        return self.web.measure(what, requests, batch=batch, connections=connections, seconds=share)

    def _next_share(self) -> float:
        share = max(self.ends_at - time.monotonic(), 0) / self.cells_left
        self.cells_left -= 1
        return min(share, LONGEST_CELL)

    def _count(self, what: str, seconds: float, batch: int) -> int:
        wanted = seconds * SHARES[what] * PER_SECOND[batch]
        return max(round(wanted / batch), 4) * batch

    def _keep(self, measured: dict[str, Measurement], ratio: dict[str, Any]) -> None:
        self.results += measured.values()
        self.ratios.append(ratio)
        for one in measured.values():
            print(_line(one), flush=True)
        print(_sentence(ratio), flush=True)


def main(budget: int = BUDGET) -> None:
    """``budget``: seconds of the whole run."""
    ends_at = time.monotonic() + budget
    postgres = start_installation("benchmarks.settings")
    from tests.factories import make_world

    _make_naive_table()
    world = make_world("Benchmark", roles=())
    service = world.service("checkout")
    key = world.key(service).key
    web = start_web(database_process(postgres))
    copier = Copier(service_id=service.pk, organization_id=world.organization.pk)
    for path in ("/v1/ingest", "/naive/ingest"):
        requests = [web.request(path, body, key) for body in bodies(logs(2_000), 10)]
        web.measure("warm-up", requests, batch=10, connections=32, seconds=3)
    print(
        f"{'':17}{'batch':>6}{'conns':>6}{'logs/s':>10}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'web µs/log':>12}{'database µs/log':>17}",
        flush=True,
    )
    checkpoint = partial(_checkpoint, postgres.superuser_url())
    run = Run(web, copier, key, checkpoint, ends_at, cells_left=len(BATCHES) * len(CONNECTIONS) + len(INDEXED_BATCHES))
    for batch in BATCHES:
        for connections in CONNECTIONS:
            run.cell(batch, connections)
    copier.start_anew_with_metadata_index()
    print("With an index of the metadata on both sides:", flush=True)
    for batch in INDEXED_BATCHES:
        run.indexed_cell(batch, INDEXED_CONNECTIONS)
    _print_aims(run.ratios, run.results)
    print(f"\nwritten to {write_results('ingest', run.results, run.ratios)}")


def _checkpoint(address: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")


def _print_aims(ratios: Sequence[dict[str, Any]], results: Sequence[Measurement]) -> None:
    """What the architecture aims at, beside the best of ours, against the best of the limit."""
    slim = [ratio for ratio in ratios if "metadata_index" not in ratio]
    indexed = {ratio["batch"]: ratio["of_copy"] for ratio in ratios if "metadata_index" in ratio}
    for batch in INDEXED_BATCHES:
        cells = [ratio for ratio in slim if ratio["batch"] == batch]
        best = {
            what: max(
                one.logs_per_second for one in results[: -2 * len(indexed)] if (one.what, one.batch) == (what, batch)
            )
            for what in (PRODUCT, COPY, NAIVE)
        }
        print(f"of COPY at {batch:,}: {best[PRODUCT] / best[COPY]:.2f} (aim 0.65)", end="; ")
        print(f"with the metadata index: {indexed[batch]:.2f} (aim 0.8)", end="; ")
        print(f"× naive: {best[PRODUCT] / best[NAIVE]:.1f} (aim 20)", end="; ")
        cost = 1 - max(cell["a_tenth_repeated"] for cell in cells)
        print(f"a tenth repeated costs {max(cost, 0):.0%} (aim: less than a third)")
    single = next(ratio for ratio in slim if (ratio["batch"], ratio["connections"]) == (1, 128))
    p99 = next(one.p99_ms for one in results if (one.what, one.batch, one.connections) == (PRODUCT, 1, 128))
    print(f"single logs over 128 connections: {single['times_naive']:.1f} × naive (aim 20), p99 {p99:.0f} ms (aim 50)")


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
    said = [f"{ratio['of_copy']:.2f} of COPY"]
    if "times_naive" in ratio:
        said.insert(0, f"{ratio['times_naive']:.1f} × the naive way")
    if "a_tenth_repeated" in ratio:
        said.append(f"with a tenth repeated {ratio['a_tenth_repeated']:.2f} of that")
    return f"  → {', '.join(said)}\n"


if __name__ == "__main__":
    main()

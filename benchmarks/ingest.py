"""Logs into the database: the product, the naive way, and binary COPY into the same indexed table.

All in one run, on one corpus of logs of about 250 bytes, with commits that reach the disk. Product and naive way are
called through the whole WSGI application (middleware, key, throttles, answer) but without a socket; COPY is what is
left when there is no Python at all: packed beforehand, one connection, one commit a batch, no deduplication.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.harness import Measurement, measure, median, start_installation, write_results

ROUNDS = 3
#: (entries a request, connections, requests a round)
CASES = ((1, 1, 600), (1, 32, 3_000), (100, 1, 150), (1_000, 1, 40), (5_000, 1, 12))
PRODUCT, NAIVE, COPY, AGAIN = "incident center", "naive", "binary COPY", "all duplicates"

_sequence = itertools.count()
_random = random.Random(1)
_WORDS = [
    "payment",
    "refused",
    "upstream",
    "timeout",
    "retry",
    "order",
    "customer",
    "queue",
    "lock",
    "pool",
    "cache",
    "connection",
]


def corpus(batch: int, requests: int) -> list[bytes]:
    """Requests of logs that were never sent before, spread over the last minute."""
    return [json.dumps({"logs": [_log() for _ in range(batch)]}).encode() for _ in range(requests)]


def _log() -> dict[str, Any]:
    number = next(_sequence)
    moment = datetime.now(UTC) - timedelta(microseconds=_random.randrange(60_000_000))
    return {
        "timestamp": moment.isoformat(),
        "level": _random.choices(("DEBUG", "INFO", "WARN", "ERROR"), (20, 70, 6, 4))[0],
        "message": f"{' '.join(_random.choices(_WORDS, k=9))} in {_random.randrange(5_000)} ms, order {number}",
        "metadata": {
            "trace_id": f"{_random.getrandbits(128):032x}",
            "user": _random.randrange(10_000),
            "host": "web-3",
        },
    }


# ---- The three ways --------------------------------------------------------------------------------------------------


def sender(address: str, key: str, expected: Callable[[dict[str, Any]], bool]) -> Callable[[bytes], None]:
    """Calls the WSGI application; anything but the expected answer is an error."""
    from incident_center.wsgi import application

    def send(body: bytes) -> None:
        environment = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": address,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_API_KEY": key,
            "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        status: list[str] = []
        answer = application(environment, lambda line, headers, error=None: status.append(line))
        content = b"".join(answer)
        answer.close()
        if not status[0].startswith("200") or not expected(json.loads(content)):
            raise AssertionError(f"{address}: {status[0]} {content[:500]!r}")

    return send


def copier(service_id: int, organization_id: int) -> Callable[[bytes], None]:
    """COPY of packed rows into a table with the log table's columns and slim index set, as its owner."""
    import psycopg

    connection = psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True)
    connection.execute("CREATE TABLE IF NOT EXISTS copy_limit (LIKE log_entry INCLUDING ALL)")
    columns = "service_id, timestamp, hash, level, message, metadata, trace_id"
    constants = "organization_id, retention_days, received_at"

    def send(packed: bytes) -> None:
        with connection.cursor().copy(
            f"COPY copy_limit ({constants}, {columns}) FROM STDIN (FORMAT binary)"  # type: ignore[arg-type]
        ) as copy:
            copy.write(packed)

    return send


def pack(bodies: Sequence[bytes], *, service_id: int, organization_id: int) -> list[bytes]:
    """The same logs as COPY streams, made outside the measured time."""
    from ingestion.logstore.postgresql.binary import POSTGRES_EPOCH
    from ingestion.parsers.log_entries import parse_logs

    now = datetime.now(UTC)
    received = int(now.timestamp() * 1_000_000) - POSTGRES_EPOCH
    constants = struct.pack("!hiqihiq", 10, 8, organization_id, 2, 30, 8, received)
    streams = []
    for body in bodies:
        parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
        rows = parse_logs(body, service_id=service_id, retention=timedelta(days=30), now=now).rows
        for service, timestamp, hash_, level, message, metadata, trace_id in sorted(rows):
            parts += (
                constants,
                struct.pack("!iqiqiqih", 8, service, 8, timestamp - POSTGRES_EPOCH, 8, hash_, 2, level),
                struct.pack("!i", len(message)) + message,
                struct.pack("!i", len(metadata) + 1) + b"\1" + metadata,
                struct.pack("!i", len(trace_id or b"")) + (trace_id or b""),
            )
        parts.append(b"\xff\xff")
        streams.append(b"".join(parts))
    return streams


# ---- The run ---------------------------------------------------------------------------------------------------------


def main() -> None:
    start_installation("benchmarks.settings")
    from tests.factories import make_world

    _make_naive_table()
    world = make_world("Benchmark", roles=())
    service = world.service("checkout")
    key = world.key(service).key
    ids = {"service_id": service.pk, "organization_id": world.organization.pk}
    copy = copier(**ids)
    print(f"{'':17}{'batch':>6}{'conns':>6}{'logs/s':>10}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}", flush=True)
    results: list[Measurement] = []
    ratios: list[dict[str, Any]] = []
    for batch, connections, requests in CASES:
        rounds: dict[str, list[Measurement]] = {PRODUCT: [], NAIVE: [], COPY: [], AGAIN: []}
        for number in range(ROUNDS + 1):
            bodies = corpus(batch, requests if number else max(2, requests // 20))
            shape: dict[str, Any] = {"batch": batch, "connections": connections}
            few = bodies if batch > 1 else bodies[: len(bodies) // 4]
            product = sender("/v1/ingest", key, lambda answer, batch=batch: answer["received"] == batch)
            again = sender("/v1/ingest", key, lambda answer, batch=batch: answer["duplicates_skipped"] == batch)
            naive = sender("/naive/ingest", key, lambda answer, batch=batch: answer["received"] == batch)
            measured = [
                measure(PRODUCT, bodies=bodies, send=product, **shape),
                measure(NAIVE, bodies=few, send=naive, **shape),
                measure(COPY, bodies=pack(bodies, **ids), send=copy, batch=batch, connections=1),
                measure(AGAIN, bodies=bodies, send=again, **shape),
            ]
            if number:  # The first round, a short one, warms up.
                for one in measured:
                    rounds[one.what].append(one)
        medians = {what: median(measurements) for what, measurements in rounds.items()}
        results += medians.values()
        for one in medians.values():
            print(_line(one), flush=True)
        ratios.append(_ratio(batch, connections, medians))
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
    return (
        f"{one.what:17}{one.batch:>6}{one.connections:>6}{one.logs_per_second:>10,.0f}"
        f"{one.requests_per_second:>12,.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}"
    )


def _ratio(batch: int, connections: int, medians: dict[str, Measurement]) -> dict[str, Any]:
    product = medians[PRODUCT].logs_per_second
    return {
        "batch": batch,
        "connections": connections,
        "times_naive": round(product / medians[NAIVE].logs_per_second, 2),
        "of_copy": round(product / medians[COPY].logs_per_second, 2),
        "duplicates_cost": round(product / medians[AGAIN].logs_per_second, 2),
    }


def _sentence(ratio: dict[str, Any]) -> str:
    return (
        f"  → {ratio['times_naive']:.1f} × the naive way, {ratio['of_copy']:.2f} of COPY,"
        f" a duplicate costs {ratio['duplicates_cost']:.2f} of a new log\n"
    )


if __name__ == "__main__":
    main()

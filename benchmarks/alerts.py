"""Alerts a second, from Alertmanager's body over HTTP to the durable incident, deduplication on.

*Repeated*: groups that are known say again that they fire, as Alertmanager does. *New*: each body is a problem that was
never seen, so that incidents are opened until the storm's limit and one takes the rest. The naive way looks each alert
up and saves it, without timeline, notifications, reasons or a storm. The limit is one connection that writes the same
alerts with one INSERT … ON CONFLICT for each body, without reading or deciding anything.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.harness import Measurement, measurement_of, start_installation, write_results
from benchmarks.web import WebServer, start_web

BATCHES = (1, 10, 100)
CONNECTIONS = (1, 32)
GROUPS = 40
#: Requests of one measurement over one connection, by alerts in a body; over several it is four times as many.
REQUESTS = {1: 600, 10: 400, 100: 160}
NAIVE_SHARE = 4
REPEATED, NEW, NAIVE, INSERT = "repeated", "new", "naive repeated", "INSERT ON CONFLICT"
_number = itertools.count()
_START = datetime.now(UTC).isoformat()


def body(group: str, alerts: int) -> bytes:
    """Alertmanager's notification of a group whose alerts fire."""
    labels = {"alertname": "HighLatency", "service": "checkout", "severity": "warning", "cluster": "eu-1"}
    return json.dumps(
        {
            "version": "4",
            "groupKey": group,
            "status": "firing",
            "receiver": "incident-center",
            "groupLabels": {"alertname": "HighLatency"},
            "commonLabels": labels,
            "commonAnnotations": {},
            "externalURL": "http://alertmanager:9093",
            "alerts": [
                {
                    "status": "firing",
                    "labels": {**labels, "instance": f"{group}-{number}"},
                    "annotations": {"summary": f"Latency of {group}-{number} is above 500 ms"},
                    "startsAt": _START,
                    "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": "http://prometheus:9090/graph",
                    "fingerprint": f"{hash((group, number)) & (2**64 - 1):016x}",
                }
                for number in range(alerts)
            ],
        }
    ).encode()


def inserted(bodies: Sequence[bytes], batch: int) -> Measurement:
    """One connection, one statement and one commit a body."""
    import psycopg
    from psycopg.types.json import Jsonb

    milliseconds = []
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS alert_limit (grouped text, fingerprint text, title text, labels jsonb,"
            " received_at timestamptz, received_count int DEFAULT 1, PRIMARY KEY (grouped, fingerprint))"
        )
        began = time.perf_counter()
        for content in bodies:
            started = time.perf_counter()
            message = json.loads(content)
            rows = [
                (alert["fingerprint"], alert["annotations"]["summary"], alert["labels"]) for alert in message["alerts"]
            ]
            connection.execute(
                "INSERT INTO alert_limit AS known (grouped, fingerprint, title, labels, received_at)"
                " SELECT %s, each.*, now() FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS each"
                " ON CONFLICT (grouped, fingerprint) DO UPDATE"
                " SET received_at = excluded.received_at, received_count = known.received_count + 1",
                [message["groupKey"], [r[0] for r in rows], [r[1] for r in rows], [Jsonb(r[2]) for r in rows]],
            )
            milliseconds.append((time.perf_counter() - started) * 1_000)
        seconds = time.perf_counter() - began
    return measurement_of(INSERT, batch=batch, connections=1, seconds=seconds, milliseconds=milliseconds)


def settle() -> None:
    """Gives PostgreSQL its figures about the tables, as it finds them itself within the first minute."""
    import psycopg

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def main() -> None:
    os.environ.update(KEY_LOGS_PER_SECOND="1000000", ORGANIZATION_LOGS_PER_SECOND="1000000")
    postgres = start_installation("benchmarks.settings")
    from benchmarks.naive.models import NaiveAlert, NaiveIncident
    from benchmarks.naive.tables import make_tables
    from tests.factories import make_world

    make_tables(NaiveIncident, NaiveAlert)
    world = make_world("Benchmark", roles=())
    key = world.key().key
    web = start_web(int((postgres.data / "postmaster.pid").read_text().split("\n", 1)[0]))
    print(
        f"{'':20}{'alerts':>7}{'conns':>6}{'alerts/s':>10}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'web µs/alert':>14}{'database µs/alert':>19}",
        flush=True,
    )
    results: list[Measurement] = []
    ratios: list[dict[str, Any]] = []
    for batch in BATCHES:
        known = [body(f"known-{batch}-{number}", batch) for number in range(GROUPS)]
        _send(web, "warm-up", known, key, batch=batch, connections=32)
        settle()
        _send(web, "warm-up", known[:10], key, batch=batch, connections=4, path="/naive/alerts")
        inserted(known, batch)
        limit = inserted([known[number % GROUPS] for number in range(REQUESTS[batch])], batch)
        for connections in CONNECTIONS:
            requests = REQUESTS[batch] * (4 if connections > 1 else 1)
            repeated = [known[number % GROUPS] for number in range(requests)]
            new = [body(f"new-{next(_number)}", batch) for _ in range(requests // 2)]
            measured = {
                REPEATED: _send(web, REPEATED, repeated, key, batch=batch, connections=connections),
                NEW: _send(web, NEW, new, key, batch=batch, connections=connections),
                NAIVE: _send(
                    web,
                    NAIVE,
                    repeated[: max(len(repeated) // NAIVE_SHARE, connections)],
                    key,
                    batch=batch,
                    connections=connections,
                    path="/naive/alerts",
                ),
                INSERT: limit,
            }
            results += measured.values()
            for one in measured.values():
                print(_line(one), flush=True)
            ratio = {
                "batch": batch,
                "connections": connections,
                "times_naive": round(measured[REPEATED].logs_per_second / measured[NAIVE].logs_per_second, 2),
                "of_insert": round(measured[REPEATED].logs_per_second / limit.logs_per_second, 2),
            }
            ratios.append(ratio)
            print(
                f"  → {ratio['times_naive']:.1f} × the naive way, {ratio['of_insert']:.2f} of the limit\n", flush=True
            )
    print(f"\nwritten to {write_results('alerts', results, ratios)}")


def _send(
    web: WebServer,
    what: str,
    bodies: Sequence[bytes],
    key: str,
    *,
    batch: int,
    connections: int,
    path: str = "/v1/alerts/alertmanager",
) -> Measurement:
    requests = (web.request(path, each, key) for each in bodies)
    return web.measure(what, requests, batch=batch, connections=connections)


def _line(one: Measurement) -> str:
    web, database = ("–" if us is None else f"{us:,.0f}" for us in (one.web_us, one.database_us))
    return (
        f"{one.what:20}{one.batch:>7}{one.connections:>6}{one.logs_per_second:>10,.0f}"
        f"{one.requests_per_second:>12,.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}{web:>14}{database:>19}"
    )


if __name__ == "__main__":
    main()

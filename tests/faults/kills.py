"""Logs stream in while processes are killed: nothing acknowledged is lost, one incident, each notification sent.

Run it whole with ``python -m tests.faults.kills`` (about two minutes); ``script/test --all`` runs the short form.
Clients retry what was not acknowledged, with the same entries, as real clients do. Afterwards the database is asked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.installation import Installation
from tests.faults.receiver import Receiver

VICTIMS = ("worker", "valkey", "postgres", "web")
PASSWORD = "correct horse battery staple"
BATCH = 20


@dataclass
class Report:
    """What a run saw. ``problems`` is empty when every promise held."""

    acknowledged: int = 0
    stored: int = 0
    duplicates: int = 0
    lost: int = 0
    refused: int = 0
    incidents: int = 0
    counted: int = 0
    opened_messages: int = 0
    distinct_messages: int = 0
    recoveries: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """Sends batches of errors until told to stop, and repeats a batch until it is acknowledged."""

    def __init__(self, installation: Installation, key: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.installation, self.key, self.number, self.stop = installation, key, number, stop
        self.acknowledged: set[str] = set()
        self.refused = 0

    def run(self) -> None:
        sequence = 0
        while not self.stop.is_set():
            names = [f"{self.number}-{sequence + offset}" for offset in range(BATCH)]
            sequence += BATCH
            now = datetime.now(UTC).isoformat()
            logs = [
                {"timestamp": now, "level": "ERROR", "message": f"failed {name}", "metadata": {"name": name}}
                for name in names
            ]
            while True:
                status, _ = self.installation.call("POST", "/v1/ingest", {"logs": logs}, key=self.key, seconds=10)
                if status == 200:
                    self.acknowledged.update(names)
                    break
                self.refused += 1
                time.sleep(0.2)
            time.sleep(0.02)


def run(state: Path, *, clients: int = 4, seconds_between_kills: float = 4.0, rounds: int = 2) -> Report:
    """Kills each victim ``rounds`` times while ``clients`` stream, then compares."""
    report = Report()
    with Receiver() as receiver, Installation(state) as installation:
        token, key = _prepare(installation, receiver)
        stop = threading.Event()
        streams = [Client(installation, key, number, stop) for number in range(clients)]
        for stream in streams:
            stream.start()
        time.sleep(seconds_between_kills)
        for _ in range(rounds):
            for victim in VICTIMS:
                installation.kill(victim)
                time.sleep(seconds_between_kills)
                waited = installation.wait_until_ready()
                report.recoveries[victim] = max(report.recoveries.get(victim, 0.0), waited)
        stop.set()
        for stream in streams:
            stream.join(60)
        _compare(installation, token, receiver, streams, report)
    return report


def _prepare(installation: Installation, receiver: Receiver) -> tuple[str, str]:
    def call(method: str, path: str, body: Any, token: str = "") -> Any:
        status, answer = installation.call(method, path, body, token=token)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    person = {"email": "faults@example.com", "password": PASSWORD, "name": "Faults", "organization_name": "Faults"}
    token = call("POST", "/v1/auth/register", person)["access"]
    service = call("POST", "/v1/services", {"name": "payments"}, token)
    key = call("POST", f"/v1/services/{service['id']}/keys", {"name": "faults"}, token)["key"]
    call("POST", "/v1/channels", {"name": "hook", "kind": "webhook", "url": receiver.url}, token)
    return token, key


def _compare(installation: Installation, token: str, receiver: Receiver, streams: list[Client], report: Report) -> None:
    acknowledged = set().union(*(stream.acknowledged for stream in streams))
    report.refused = sum(stream.refused for stream in streams)
    report.acknowledged = len(acknowledged)
    with psycopg.connect(installation.addresses()["OWNER_DATABASE_URL"], autocommit=True) as connection:
        rows = connection.execute("SELECT metadata ->> 'name', count(*) FROM log_entry GROUP BY 1").fetchall()
        _wait_for_settled_count(connection, sum(count for _, count in rows))
        report.incidents, report.counted = connection.execute(
            "SELECT count(*), coalesce(sum(log_count), 0)::int FROM incidents_incident WHERE status <> 'resolved'"
        ).fetchone() or (0, 0)
        pending = connection.execute(
            "SELECT count(*) FROM notifications_delivery WHERE state <> 'delivered'"
        ).fetchone()
    stored = {name for name, _ in rows}
    report.stored = sum(count for _, count in rows)
    report.duplicates = report.stored - len(stored)
    report.lost = len(acknowledged - stored)
    opened = [name for name, payload in receiver.received if "opened" in str(payload.get("type", ""))]
    report.opened_messages, report.distinct_messages = len(opened), len(set(opened))
    for wrong, sentence in (
        (report.lost, f"{report.lost} acknowledged logs are not stored"),
        (report.duplicates, f"{report.duplicates} logs are stored twice"),
        (report.incidents != 1, f"{report.incidents} incidents are open instead of one"),
        (report.counted != report.stored, f"the incident counts {report.counted} of {report.stored} logs"),
        (report.distinct_messages != 1, f"the opening was told under {report.distinct_messages} ids instead of one"),
        (pending and pending[0], f"{pending[0] if pending else 0} deliveries did not arrive"),
    ):
        if wrong:
            report.problems.append(sentence)


def _wait_for_settled_count(connection: psycopg.Connection[Any], stored: int) -> None:
    """Detection runs behind the stream and deliveries behind it: waits, at most a minute, until both are done."""
    for _ in range(300):
        row = connection.execute(
            "SELECT (SELECT coalesce(sum(log_count), 0) FROM incidents_incident),"
            " (SELECT count(*) FROM notifications_delivery WHERE state = 'pending')"
        ).fetchone()
        if row is not None and row[0] >= stored and row[1] == 0:
            return
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0, help="between two kills")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ic-faults-") as folder:
        Path(folder).chmod(0o755)
        report = run(
            Path(folder) / "state",
            clients=chosen.clients,
            seconds_between_kills=chosen.seconds,
            rounds=chosen.rounds,
        )
    print(report)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

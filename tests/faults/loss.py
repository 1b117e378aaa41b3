"""Mixed load with retries while processes are killed at random: stored = acknowledged, and nothing twice.

``python -m tests.faults.loss`` runs for ten minutes (or until ``--logs 2000000``); ``script/test --all`` runs a short
form. Each client counts its logs from 0 and repeats a request, byte for byte, until it is acknowledged, as real clients
do. So at the end each must have stored the numbers 0 to n - 1, each once.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.faults.installation import Installation

VICTIMS = ("web", "postgres", "valkey")
#: Entries of a request, and how often: single logs, an SDK's batches, a collector's.
MIX = (1, 1, 1, 1, 20, 20, 100, 500, 2_000)
PASSWORD = "correct horse battery staple"
LAST_ANSWERS_WITHIN_SECONDS = 90


@dataclass
class Report:
    """What a run saw. ``problems`` is empty when every promise held."""

    acknowledged: int = 0
    stored: int = 0
    requests: int = 0
    repeated: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    slowest_recovery: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Sender(threading.Thread):
    """One client: a key, a connection that is kept, and a count."""

    def __init__(self, number: int, base_url: str, key: str, stop: threading.Event, seed: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.number, self.key, self.stop, self.pause = number, key, stop, pause
        self.address = urlsplit(base_url).netloc
        self.random = random.Random(seed * 1_000 + number)
        self.connection: http.client.HTTPConnection | None = None
        self.acknowledged = self.requests = 0
        self.repeated: Counter[str] = Counter()
        self.refused = ""

    def run(self) -> None:
        while not self.stop.is_set() and not self.refused:
            size = self.random.choice(MIX)
            self._send_until_acknowledged(self._request(size))
            self.acknowledged += size
            time.sleep(self.pause)

    def _request(self, size: int) -> tuple[bytes, dict[str, str]]:
        now = datetime.now(UTC).isoformat()
        first = self.acknowledged
        logs = [
            {
                "timestamp": now,
                "level": self.random.choice(("DEBUG", "INFO", "WARN", "ERROR")),
                "message": f"client {self.number} says {number}",
                "metadata": {"client": self.number, "number": number},
            }
            for number in range(first, first + size)
        ]
        body = json.dumps({"logs": logs}).encode()
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        if size >= 100 and self.random.random() < 0.5:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        return body, headers

    def _send_until_acknowledged(self, request: tuple[bytes, dict[str, str]]) -> None:
        self.requests += 1
        while True:
            status, wait = self._send(*request)
            if status == 200:
                return
            if status and status not in (429, 503):
                self.refused = f"client {self.number} was answered {status}"
                return
            self.repeated[str(status or "no answer")] += 1
            time.sleep(wait)

    def _send(self, body: bytes, headers: dict[str, str]) -> tuple[int, float]:
        """Status (0: none) and the seconds to wait before the same request goes out again."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=40)
            self.connection.request("POST", "/v1/ingest", body, headers)
            answer = self.connection.getresponse()
            answer.read()
            return answer.status, min(1.0, float(answer.headers.get("Retry-After", 0.2)))
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return 0, 0.2


def run(
    state: Path,
    *,
    clients: int = 16,
    seconds: float = 60.0,
    logs: int = 0,
    between_kills: float = 20.0,
    pause: float = 0.02,
    seed: int = 1,
) -> Report:
    """Streams for so long, or until so many logs are acknowledged, killing one of the victims every ``between_kills``
    seconds.
    """
    report, dice, began = Report(), random.Random(seed), time.monotonic()
    with Installation(state) as installation:
        keys = [_new_organization_key(installation, number) for number in range(2)]
        stop = threading.Event()
        senders = [
            Sender(number, installation.base_url, keys[number % len(keys)], stop, seed, pause)
            for number in range(clients)
        ]
        for sender in senders:
            sender.start()
        began, next_kill = time.monotonic(), time.monotonic() + between_kills
        while not _is_over(senders, began, seconds, logs):
            time.sleep(0.2)
            if time.monotonic() >= next_kill:
                victim = dice.choice(VICTIMS)
                installation.kill(victim)
                report.kills[victim] += 1
                time.sleep(0.5)
                report.slowest_recovery = max(report.slowest_recovery, installation.wait_until_ready())
                next_kill = time.monotonic() + between_kills
        stop.set()
        report.seconds = time.monotonic() - began
        for sender in senders:
            sender.join(LAST_ANSWERS_WITHIN_SECONDS)
        _compare(installation, senders, report)
    return report


def _is_over(senders: list[Sender], began: float, seconds: float, logs: int) -> bool:
    if any(sender.refused for sender in senders):
        return True
    if logs:
        return sum(sender.acknowledged for sender in senders) >= logs
    return time.monotonic() - began >= seconds


def _new_organization_key(installation: Installation, number: int) -> str:
    def call(path: str, body: Any, token: str = "") -> Any:
        status, answer = installation.call("POST", path, body, token=token)
        if status not in (200, 201):
            raise RuntimeError(f"POST {path}: {status} {answer}")
        return answer

    person = {"email": f"loss-{number}@example.com", "password": PASSWORD, "name": "Loss"}
    token = call("/v1/auth/register", {**person, "organization_name": f"Loss {number}"})["access"]
    service = call("/v1/services", {"name": "payments"}, token)
    key = call(f"/v1/services/{service['id']}/keys", {"name": "loss"}, token)["key"]
    assert isinstance(key, str)
    return key


def _compare(installation: Installation, senders: list[Sender], report: Report) -> None:
    with psycopg.connect(installation.addresses()["OWNER_DATABASE_URL"], autocommit=True) as connection:
        stored = {
            client: (count, distinct, highest)
            for client, count, distinct, highest in connection.execute(
                "SELECT (metadata ->> 'client')::int, count(*), count(DISTINCT (metadata ->> 'number')::int),"
                " max((metadata ->> 'number')::int) FROM log_entry WHERE metadata ? 'client' GROUP BY 1"
            )
        }
        letters = connection.execute("SELECT count(*) FROM ingestion_deadletter").fetchone()
    for sender in senders:
        report.requests += sender.requests
        report.repeated += sender.repeated
        report.acknowledged += sender.acknowledged
        count, distinct, highest = stored.get(sender.number, (0, 0, -1))
        report.stored += count
        if sender.is_alive():
            report.problems.append(f"client {sender.number} still waits for an answer")
        elif sender.refused:
            report.problems.append(sender.refused)
        elif not count == distinct == highest + 1 == sender.acknowledged:
            report.problems.append(
                f"client {sender.number}: {sender.acknowledged} acknowledged, {count} stored, {distinct} different,"
                f" the highest {highest}"
            )
    if letters and letters[0]:
        report.problems.append(f"{letters[0]} dead letters")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--logs", type=int, default=0, help="ends when so many are acknowledged, not by time")
    parser.add_argument("--between-kills", type=float, default=20, help="seconds")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds of a client between two requests")
    parser.add_argument("--seed", type=int, default=1)
    chosen = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="ic-loss-") as folder:
        Path(folder).chmod(0o755)
        report = run(Path(folder) / "state", **chosen)
    print(
        f"{report.seconds:.0f} s, {report.requests} requests, repeated {dict(report.repeated)}, killed"
        f" {dict(report.kills)}, slowest recovery {report.slowest_recovery:.1f} s\n"
        f"acknowledged {report.acknowledged}, stored {report.stored}"
    )
    for problem in report.problems:
        print(f"PROBLEM: {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

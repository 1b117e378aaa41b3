"""The product's web process under a benchmark, as ``script/start`` runs it, and what it and the database cost."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT, Measurement, measurement_of
from incident_center.supervisor.postgres import EmbeddedPostgres

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(process: int) -> float:
    """Of a process and all its descendants, those that have ended and were waited for included."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It has just ended.
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
        spent[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
    total, waiting = 0.0, [process]
    while waiting:
        current = waiting.pop()
        total += spent.get(current, 0.0)
        waiting += parents.get(current, [])
    return total


def database_process(postgres: EmbeddedPostgres) -> int:
    """The server's first process, whose descendants are all others."""
    return int((postgres.data / "postmaster.pid").read_text().split("\n", 1)[0])


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running web process and the database's first process."""

    port: int
    process: int
    database: int

    def request(self, path: str, body: bytes, key: str) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nX-API-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def measure(
        self, what: str, requests: Iterable[bytes], *, batch: int, connections: int, seconds: float | None = None
    ) -> Measurement:
        """Sends each request once, in their order, over as many connections, those that are left after ``seconds``
        not at all; any other answer than 200 or 202 is an error.
        """
        with tempfile.NamedTemporaryFile(prefix="ic-load-") as file:
            for request in requests:
                file.write(struct.pack("!I", len(request)) + request)
            file.flush()
            limit = [] if seconds is None else [str(seconds)]
            before = processor_seconds(self.process), processor_seconds(self.database)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.load", str(self.port), str(connections), file.name, *limit],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            after = processor_seconds(self.process), processor_seconds(self.database)
        result = json.loads(done.stdout)
        return measurement_of(
            what,
            batch=batch,
            connections=connections,
            seconds=result["seconds"],
            milliseconds=result["milliseconds"],
            web_seconds=after[0] - before[0],
            database_seconds=after[1] - before[1],
        )


def start_web(database_process: int) -> WebServer:
    """Starts the web process in the environment that ``start_installation`` made."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "incident_center.serve", "--port", str(port)], cwd=ROOT)

    def stop() -> None:
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    atexit.register(stop)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return WebServer(port, process.pid, database_process)
    raise TimeoutError("the web process did not come up")

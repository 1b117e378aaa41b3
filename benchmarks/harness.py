"""What all benchmarks share: a server of their own, an organization in it, a clock, and where results go."""

from __future__ import annotations

import atexit
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from incident_center.supervisor.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATABASE = "incident_center"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way of doing one thing."""

    what: str
    batch: int
    connections: int
    logs_per_second: float
    requests_per_second: float
    p50_ms: float
    p99_ms: float


def start_installation(settings_module: str) -> EmbeddedPostgres:
    """An empty, migrated installation with PostgreSQL's default durability, and Django set up as its runtime role."""
    state = Path(tempfile.mkdtemp(prefix="ic-bench-"))
    state.chmod(0o755)  # As root the server runs as another user, who has to pass through here.
    postgres = EmbeddedPostgres(state / "pg", settings={"max_connections": "100"})

    def stop() -> None:
        postgres.stop()
        shutil.rmtree(state, ignore_errors=True)

    atexit.register(stop)
    postgres.start()
    postgres.prepare_roles(DATABASE)
    os.environ.update(
        DJANGO_SETTINGS_MODULE=settings_module,
        DATABASE_URL=postgres.url(database=DATABASE),
        OWNER_DATABASE_URL=postgres.url("incident_center_owner", DATABASE),
        REDIS_URL="redis://127.0.0.1:1/0",  # Nobody there: the hot path must not need it.
        SECRET_KEY="benchmarks-only-" + "k" * 40,
        BASE_URL="http://localhost:8000",
        STATE_DIR=str(state / "state"),
    )
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_AS": "owner"},
        check=True,
    )
    import django

    django.setup()
    return postgres


def measure(
    what: str, *, batch: int, connections: int, bodies: Sequence[bytes], send: Callable[[bytes], None]
) -> Measurement:
    """Sends each body once, from as many threads as there are connections; the first error ends it."""
    remaining = iter(bodies)
    lock = threading.Lock()
    durations: list[float] = []
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            with lock:
                body = next(remaining, None)
            if body is None:
                return
            started = time.perf_counter()
            try:
                send(body)
            except BaseException as error:
                errors.append(error)
                return
            durations.append(time.perf_counter() - started)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    if errors:
        raise errors[0]
    return Measurement(
        what=what,
        batch=batch,
        connections=connections,
        logs_per_second=len(bodies) * batch / elapsed,
        requests_per_second=len(bodies) / elapsed,
        p50_ms=statistics.median(durations) * 1_000,
        p99_ms=sorted(durations)[int(len(durations) * 0.99)] * 1_000,
    )


def median(measurements: Sequence[Measurement]) -> Measurement:
    """The middle one of several rounds, by throughput."""
    return sorted(measurements, key=lambda one: one.logs_per_second)[len(measurements) // 2]


def write_results(name: str, measurements: Sequence[Measurement], ratios: Sequence[dict[str, Any]]) -> Path:
    """JSON with the machine it was measured on; returns the file."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        server = connection.info.server_version
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{name}-{now:%Y%m%d-%H%M%S}.json"
    document = {
        "benchmark": name,
        "at": now.isoformat(),
        "machine": {"processors": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "postgresql": server,
        "measurements": [asdict(measurement) for measurement in measurements],
        "ratios": list(ratios),
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path

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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from incident_center.supervisor.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATABASE = "incident_center"
# The hot path must not need the broker.
NOBODY = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way of doing one thing. The processor's microseconds for each log are those of the web process and of the
    database, the client's left out; None where they were not measured.
    """

    what: str
    batch: int
    connections: int
    requests: int
    logs_per_second: float
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    web_us: float | None = None
    database_us: float | None = None


def measurement_of(
    what: str,
    *,
    batch: int,
    connections: int,
    seconds: float,
    milliseconds: Sequence[float],
    web_seconds: float | None = None,
    database_seconds: float | None = None,
) -> Measurement:
    """From the whole time and that of each request."""
    requests = len(milliseconds)
    logs = requests * batch
    return Measurement(
        what=what,
        batch=batch,
        connections=connections,
        requests=requests,
        logs_per_second=logs / seconds,
        requests_per_second=requests / seconds,
        p50_ms=statistics.median(milliseconds),
        p99_ms=sorted(milliseconds)[int(requests * 0.99)],
        web_us=None if web_seconds is None else web_seconds / logs * 1e6,
        database_us=None if database_seconds is None else database_seconds / logs * 1e6,
    )


def start_installation(settings_module: str, *, redis_url: str = NOBODY) -> EmbeddedPostgres:
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
        REDIS_URL=redis_url,
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


def median(measurements: Sequence[Measurement]) -> Measurement:
    """The middle one of several rounds, by throughput."""
    return sorted(measurements, key=lambda one: one.logs_per_second)[len(measurements) // 2]


def write_results(name: str, measurements: Sequence[Any], ratios: Sequence[dict[str, Any]]) -> Path:
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

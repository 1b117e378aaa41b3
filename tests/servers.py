"""The servers under the tests: a real embedded PostgreSQL and Valkey, and a migrated template database.

Loaded as a plugin (``-p tests.servers`` in pyproject.toml) and at work when it is imported, because Django's settings
need the addresses before any conftest is read. Of pytest-xdist's processes each has servers of its own: transaction
numbers, which sealing and mining wait for, belong to a whole server, and so do Valkey's keys. The one that hands out
the tests has none.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from incident_center.supervisor.postgres import EmbeddedPostgres
from incident_center.supervisor.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "incident_center_template"

_stops: list[Callable[[], None]] = []


def start() -> None:
    """Starts both servers, migrates the template as its owner, and puts the addresses into the environment."""
    state = Path(tempfile.mkdtemp(prefix="ic-test-"))
    state.chmod(0o755)  # As root the servers run as another user, who has to pass through here.
    postgres = EmbeddedPostgres(state / "pg", settings={"fsync": "off", "max_connections": "150"})
    valkey = EmbeddedValkey(state / "vk")

    def stop() -> None:
        postgres.stop()
        valkey.stop()
        shutil.rmtree(state, ignore_errors=True)

    _stops.append(stop)
    postgres.start()
    postgres.prepare_roles(TEMPLATE)
    valkey.start()
    os.environ.update(
        DATABASE_URL=postgres.url(database=TEMPLATE),
        OWNER_DATABASE_URL=postgres.url("incident_center_owner", TEMPLATE),
        TEST_SUPERUSER_URL=postgres.superuser_url(),
        REDIS_URL=valkey.url,
        SECRET_KEY="tests-only-" + "k" * 40,
        BASE_URL="http://localhost:8000",
        STATE_DIR=str(state / "state"),
    )
    os.environ.pop("DATABASE_AS", None)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_AS": "owner"},
        check=True,
    )


@atexit.register
def stop() -> None:
    while _stops:
        _stops.pop()()


def pytest_unconfigure() -> None:
    """A process of pytest-xdist's ends without its ``atexit`` functions."""
    stop()


if "PYTEST_XDIST_WORKER" in os.environ:
    start()
elif any(argument.startswith(("-n", "--numprocesses")) for argument in sys.argv):
    os.environ.update(DATABASE_URL="postgresql://none@localhost/none", SECRET_KEY="hands out tests only " + "k" * 40)
elif "TEST_SUPERUSER_URL" not in os.environ:
    start()

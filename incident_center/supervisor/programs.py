"""The application's own processes: what each one runs, and as which database role."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from incident_center.supervisor.processes import Child
from incident_center.supervisor.state import CHECKOUT, StateFolder

WEB = "web"
WORKER = "worker"
MAINTENANCE = "maintenance"
BEAT = "beat"

# Workers find each other through the broker when they start, which takes a second, and nothing here uses it.
_QUIET = ("--without-gossip", "--without-mingle")


def web(state: StateFolder, environment: Mapping[str, str], host: str, port: int) -> Child:
    """The web process: portal, API and live connections on one port."""
    command = ["-m", "incident_center.serve", "--host", host, "--port", str(port)]
    return _python(WEB, command, state, environment)


def worker(state: StateFolder, environment: Mapping[str, str]) -> Child:
    """What organizations wait for: detection, deliveries, sweeps; stands by for the clocks. As the runtime role."""
    command = ["-Q", "default", "--pool=threads", "--concurrency=8", "-n", f"{WORKER}@%h", *_QUIET]
    return _celery(WORKER, ["worker", *command, "--loglevel=INFO"], state, environment)


def maintenance(state: StateFolder, environment: Mapping[str, str]) -> Child:
    """What changes the database itself: partitions, index builds, archives. As the owner role."""
    command = ["-Q", "maintenance", "--pool=solo", "-n", f"{MAINTENANCE}@%h", *_QUIET]
    return _celery(MAINTENANCE, ["worker", *command, "--loglevel=INFO"], state, environment)


def beat(state: StateFolder, environment: Mapping[str, str]) -> Child:
    """The clocks: what is due to the second, and periodic tasks. As the runtime role."""
    schedule = state.path / "beat-schedule"
    # Its own lock: the state folder's lock already says that nobody else runs.
    command = ["beat", f"--schedule={schedule}", "--pidfile=", "--loglevel=INFO"]
    return _celery(BEAT, command, state, environment)


def manage(name: str, arguments: list[str], state: StateFolder, environment: Mapping[str, str]) -> Child:
    """A management command, which runs to its end."""
    return _python(name, [str(CHECKOUT / "manage.py"), *arguments], state, environment)


def _celery(name: str, arguments: list[str], state: StateFolder, environment: Mapping[str, str]) -> Child:
    return _python(name, ["-m", "celery", "-A", "incident_center", *arguments], state, environment)


def _python(name: str, arguments: list[str], state: StateFolder, environment: Mapping[str, str]) -> Child:
    return Child(
        name,
        [Path(sys.executable), *arguments],
        environment={**environment, "PYTHONUNBUFFERED": "1"},
        log=state.log(name),
        folder=CHECKOUT,
    )

"""Sweeps: what is done every few seconds whether or not a message said so.

Each worker runs the loop on a thread; PostgreSQL's advisory lock decides which of them sweeps. So the work goes on
while the broker is away, and while any one worker is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from incident_center.kernel.scope import Actor, no_scope

logger = logging.getLogger(__name__)

ADVISORY_LOCK = 7_301_964_003
LONGEST_SLEEP_SECONDS = 1.0


@dataclass
class Sweep:
    """A function and how often it runs. Functions open the scopes they need and are safe to run twice."""

    name: str
    every: timedelta
    run: Callable[[], None]
    due_at: float = field(default=0.0)


_sweeps: dict[str, Sweep] = {}


def sweep(*, name: str, every: timedelta) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a function to run every ``every``. Import its module in the app's ``ready()``."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _sweeps[name] = Sweep(name=name, every=every, run=function)
        return function

    return register


def registered_sweeps() -> list[Sweep]:
    return list(_sweeps.values())


def run_sweep(entry: Sweep) -> None:
    """One sweep, whose failure is logged and does not stop the others."""
    try:
        with no_scope(actor=Actor.system(f"sweep/{entry.name}")):
            entry.run()
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        logger.exception("sweep %s failed; it runs again in %s", entry.name, entry.every)


class SweepLoop:
    """The loop of one worker."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sweeps", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.run_due(time.monotonic())
            except (DatabaseError, InterfaceError) as error:
                logger.warning("sweeps pause, the database is away: %s", error)
                connection.close()
            close_old_connections()
            self._stop.wait(LONGEST_SLEEP_SECONDS)

    def run_due(self, now: float) -> None:
        """Runs what is due at ``now`` (monotonic seconds), unless another worker is sweeping."""
        due = [entry for entry in registered_sweeps() if entry.due_at <= now]
        if not due or not self._acquire():
            return
        try:
            for entry in due:
                run_sweep(entry)
                entry.due_at = now + entry.every.total_seconds()
        finally:
            self._release()

    def _acquire(self) -> bool:
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
            return bool(cursor.fetchone()[0])

    def _release(self) -> None:
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])

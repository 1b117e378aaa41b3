"""Sweeps: what is done every few seconds whether or not a message said so.

Sweeps stand in lanes. Those of one lane wait for each other; a lane has a thread in each process that runs it, and
PostgreSQL's advisory lock decides which of these sweeps. So the work goes on while the broker is away and while any one
process is, and whatever takes long delays its own lane alone. ADR 14 has the reasons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any

from django.db import close_old_connections, connection

from incident_center.kernel.scope import Actor, no_scope

logger = logging.getLogger(__name__)

#: With the number of the lane, the advisory lock of whoever sweeps it.
LOCK_CLASS = 7_301_966
LONGEST_PAUSE_SECONDS = 1.0


class Lane(IntEnum):
    """What may wait for what. The values are part of the advisory locks' names."""

    #: What was promised for a certain second. Each sweep here asks one question and hands over what it found.
    CLOCKS = 1
    #: What the stored logs and alerts say: it may take long while they pour in.
    DETECTION = 2
    #: What nobody waits for.
    BACKGROUND = 3


@dataclass
class Sweep:
    """A function and how often it runs. Functions open the scopes they need and are safe to run twice."""

    name: str
    every: timedelta
    run: Callable[[], None]
    lane: Lane
    due_at: float = field(default=0.0)


_sweeps: dict[str, Sweep] = {}


def sweep(
    *, name: str, every: timedelta, lane: Lane = Lane.BACKGROUND
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a function to run every ``every``. Import its module in the app's ``ready()``."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _sweeps[name] = Sweep(name=name, every=every, run=function, lane=lane)
        return function

    return register


def registered_sweeps(lane: Lane) -> list[Sweep]:
    """The lane's sweeps, the longest due first."""
    return sorted((entry for entry in _sweeps.values() if entry.lane is lane), key=lambda entry: entry.due_at)


class SweepLoop:
    """One process's loop over one lane.

    Args:
        keeps: whether it holds on to the lane for as long as its process lives. Of those that do not, each lets go
            after every round, so a process that keeps the lane soon has it, and they stand by.
    """

    def __init__(self, lane: Lane, *, keeps: bool = False) -> None:
        self.lane = lane
        self._keeps = keeps
        self._locked_on: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"sweeps-{self.lane.name.lower()}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = LONGEST_PAUSE_SECONDS
            try:
                if self.run_due(time.monotonic()):
                    pause = self._until_next(time.monotonic())
            except Exception as error:  # The thread outlives whatever happens: nobody would start it again.
                logger.warning("the sweeps of %s pause: %s", self.lane.name.lower(), error)
                connection.close()
            close_old_connections()
            self._stop.wait(pause)
        connection.close()

    def run_due(self, now: float) -> bool:
        """Runs what is due at ``now`` (monotonic seconds). False: another process sweeps this lane.

        Raises:
            DatabaseError: the connection was lost, and with it the lane. What had its turn waits for its next one, so
                whatever ends connections does not keep those behind it from theirs.
        """
        due = [entry for entry in registered_sweeps(self.lane) if entry.due_at <= now]
        if not due:
            return True
        if not self._acquire():
            return False
        try:
            for entry in due:
                entry.due_at = now + entry.every.total_seconds()
                self._run_sweep(entry)
        finally:
            if not self._keeps and self._has_lock():
                self._release()
        return True

    def _run_sweep(self, entry: Sweep) -> None:
        """One sweep, whose failure is logged and does not stop the others."""
        try:
            with no_scope(actor=Actor.system(f"sweep/{entry.name}")):
                entry.run()
        except Exception:
            if not self._has_lock():
                raise
            logger.exception("sweep %s failed; it runs again in %s", entry.name, entry.every)

    def _until_next(self, now: float) -> float:
        soonest = min((entry.due_at for entry in registered_sweeps(self.lane)), default=now + LONGEST_PAUSE_SECONDS)
        return min(max(soonest - now, 0.0), LONGEST_PAUSE_SECONDS)

    # ---- The lane ----------------------------------------------------------------------------------------------

    def _acquire(self) -> bool:
        if self._has_lock():
            return True
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, self.lane])
            acquired = bool(cursor.fetchone()[0])
        self._locked_on = connection.connection if acquired else None
        return acquired

    def _has_lock(self) -> bool:
        """The lock is the connection's: a new connection, or one that was closed, does not have it."""
        held = self._locked_on
        return held is not None and held is connection.connection and not held.closed

    def _release(self) -> None:
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.lane])
        self._locked_on = None

"""Threads on which a sweep has done what it found: it asks what is due, hands it over, and returns."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import close_old_connections

from incident_center.kernel.scope import no_scope

logger = logging.getLogger(__name__)

FIRST_REST_SECONDS = 0.5
LONGEST_REST_SECONDS = 30.0
MOST_REMEMBERED = 10_000

#: Set once the process is asked to end. What is begun is finished; what waits is due all the same, for another process.
ending = threading.Event()
# Python itself would first have the whole queue done. Of what is registered here the last comes first.
threading._register_atexit(ending.set)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Rest:
    """Of what failed: until when it is let be (monotonic seconds), and how long that was."""

    until: float
    seconds: float


class WorkPool:
    """Threads of this process, each with a connection of its own; they begin when there is something to do.

    What is due stays due until it is done, so a sweep finds it again and again: each key is worked on once at a time. A
    piece that waits, for a lock or for somebody's server, holds up one thread and nothing else. One that fails is tried
    again by the next sweep after half a second, and twice as long after each further failure, up to half a minute.

    Args:
        name: of the threads, and in the log.
        most_waiting: how many may be taken and not finished; what is beyond is left to the next sweep. Few, where the
            sweep orders what it finds: what is handed over already goes first.
    """

    def __init__(self, name: str, *, threads: int, most_waiting: int = 1_000) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most_waiting = most_waiting
        self._taken: set[Hashable] = set()
        self._resting: dict[Hashable, _Rest] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, work: Callable[[], object]) -> bool:
        """Has it done soon, outside any scope. False: it is taken already, rests, or the pool is full."""
        with self._lock:
            rest = self._resting.get(key)
            if ending.is_set() or key in self._taken or len(self._taken) >= self._most_waiting:
                return False
            if rest is not None and rest.until > time.monotonic():
                return False
            self._taken.add(key)
        self._threads.submit(self._run, key, work)
        return True

    def close(self) -> None:
        """Takes nothing more, and waits until what was taken is done."""
        self._threads.shutdown(wait=True)

    def _run(self, key: Hashable, work: Callable[[], object]) -> None:
        failed = False
        try:
            if not ending.is_set():
                with no_scope():
                    work()
        except Exception:
            failed = True
            logger.exception("%s: %s was not finished; a later sweep tries again", self.name, key)
        finally:
            close_old_connections()
            with self._lock:
                self._taken.discard(key)
                self._rest(key) if failed else self._resting.pop(key, None)

    def _rest(self, key: Hashable) -> None:
        before = self._resting.pop(key, None)
        if len(self._resting) >= MOST_REMEMBERED:  # What is not due any more does not come back to be forgotten.
            self._resting.clear()
        seconds = FIRST_REST_SECONDS if before is None else min(before.seconds * 2, LONGEST_REST_SECONDS)
        self._resting[key] = _Rest(time.monotonic() + seconds, seconds)

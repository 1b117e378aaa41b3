"""Threads on which a sweep has done what it found: it asks what is due, hands it over, and returns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

from incident_center.kernel.scope import no_scope

logger = logging.getLogger(__name__)


class WorkPool:
    """Threads of this process, each with a connection of its own; they begin when there is something to do.

    What is due stays due until it is done, so a sweep finds it again and again: each key is worked on once at a time. A
    piece that waits, for a lock or for somebody's server, holds up one thread and nothing else.

    Args:
        name: of the threads, and in the log.
        most_waiting: how many may be taken and not finished; what is beyond is left to the next sweep.
    """

    def __init__(self, name: str, *, threads: int, most_waiting: int = 1_000) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most_waiting = most_waiting
        self._taken: set[Hashable] = set()
        self._lock = threading.Lock()

    def take(self, key: Hashable, work: Callable[[], object]) -> bool:
        """Has it done soon, outside any scope. False: it is taken already, or the pool is full."""
        with self._lock:
            if key in self._taken or len(self._taken) >= self._most_waiting:
                return False
            self._taken.add(key)
        self._threads.submit(self._run, key, work)
        return True

    def close(self) -> None:
        """Takes nothing more, and waits until what was taken is done."""
        self._threads.shutdown(wait=True)

    def _run(self, key: Hashable, work: Callable[[], object]) -> None:
        try:
            with no_scope():
                work()
        except Exception:
            logger.exception("%s: %s was not finished; the next sweep tries again", self.name, key)
        finally:
            close_old_connections()
            with self._lock:
                self._taken.discard(key)

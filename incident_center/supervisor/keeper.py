"""Starts again what died, with patience that grows when it keeps dying."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from incident_center.supervisor.errors import StartError
from incident_center.supervisor.processes import Child

# Seconds before the first restart; doubled at each further one, up to the longest.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0
# A process that lived so many seconds starts afresh with the first pause.
SETTLED_AFTER = 30.0
_LOOK_EVERY = 0.1


class Service(Protocol):
    """A server or process that can be started again."""

    @property
    def child(self) -> Child:
        """Its process."""

    def start(self) -> None:
        """Starts it, and waits until it answers if others need it."""


class _Watched:
    """One service and how often it had to be started again of late."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.started = time.monotonic()
        self.pause = FIRST_PAUSE
        self.due: float | None = None


class Keeper:
    """Watches services from a thread of its own.

    The thread also starts them, and Linux ends a child with the thread that started it (see ``processes``).
    So the thread stays until ``end``, which comes after all children have stopped.
    """

    def __init__(self, report: Callable[[str], None], on_change: Callable[[], None]) -> None:
        self._report = report
        self._on_change = on_change
        self._watched: list[_Watched] = []
        self._restarting = True
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._thread.start()

    def watch(self, services: Iterable[Service]) -> None:
        """From now on these are started again when they die. In this order, when several have."""
        with self._lock:
            self._watched += [_Watched(service) for service in services]

    def pause(self) -> None:
        """From now on nothing is started again."""
        self._restarting = False

    def end(self) -> None:
        """Ends the thread, and with it any child that it started and that still runs."""
        self._ended.set()
        self._thread.join(timeout=1)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            with self._lock:
                watched = list(self._watched)
            for one in watched:
                if not self._restarting:
                    break
                try:
                    self._look_after(one)
                except Exception as error:
                    # A full disk, say. Without this thread nothing is started again, and what it started would end.
                    self._report(f"while looking after {one.service.child.name}: {error}")

    def _look_after(self, one: _Watched) -> None:
        child = one.service.child
        now = time.monotonic()
        if child.running:
            return
        if one.due is None:
            if now - one.started > SETTLED_AFTER:
                one.pause = FIRST_PAUSE
            one.due = now + one.pause
            self._report(f"{child.name} ended ({child.ending()}); again in {one.pause:.1f} s; log: {child.log}")
            one.pause = min(one.pause * 2, LONGEST_PAUSE)
        elif now >= one.due:
            one.due = None
            one.started = now
            try:
                one.service.start()
            except (StartError, OSError) as error:
                if self._restarting:
                    self._report(str(error))
            self._on_change()

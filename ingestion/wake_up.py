"""Tells the layers above that logs were stored, without any request waiting for it.

Leading and trailing edge: the first log after a quiet is announced at once, then the service's logs are
gathered for 200 ms at a time, and the last of a burst is announced too. Between the edges a thousand requests
cost a thousand additions to a dictionary.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections

from incident_center.kernel.scope import Actor, organization_scope
from ingestion.events import LogsStored, logs_stored
from ingestion.levels import Level

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2
_ACTOR = Actor.system("ingestion")


class WakeUpCalls:
    """One background thread per process, started with the first call."""

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._changed = threading.Condition()
        self._pending: dict[int, LogsStored] = {}
        self._not_before: dict[int, float] = {}
        self._thread: threading.Thread | None = None
        self._busy = False

    def stored(self, organization_id: int, service_id: int, highest_level: Level, count: int) -> None:
        """Announces ``count`` committed logs soon. Returns at once and never raises."""
        with self._changed:
            waiting = self._pending.get(service_id)
            if waiting is not None:
                highest_level = max(highest_level, waiting.highest_level)
                count += waiting.count
            self._pending[service_id] = LogsStored(organization_id, service_id, highest_level, count)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wake-up-calls", daemon=True)
                self._thread.start()
            if waiting is None:
                self._changed.notify_all()

    def drain(self, timeout: float = 5.0) -> bool:
        """Waits until everything stored so far has been announced; whether it was, within ``timeout``
        seconds.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending and not self._busy, timeout)

    def _run(self) -> None:
        while True:
            for call in self._next_calls():
                self._announce(call)
            close_old_connections()

    def _next_calls(self) -> list[LogsStored]:
        """Sleeps until at least one service's turn has come, and takes all whose turn it is."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                now = time.monotonic()
                due = [service for service in self._pending if self._not_before.get(service, 0.0) <= now]
                if due:
                    break
                turns = [self._not_before[service] for service in self._pending]
                self._changed.wait(min(turns) - now if turns else None)
            self._busy = True
            self._not_before = {service: at for service, at in self._not_before.items() if at > now}
            self._not_before |= dict.fromkeys(due, now + self._interval)
            return [self._pending.pop(service) for service in due]

    def _announce(self, call: LogsStored) -> None:
        try:
            with organization_scope(call.organization_id, actor=_ACTOR):
                logs_stored.emit(call)
        except Exception:
            # The sweeps of whoever listens find the same logs a little later.
            logger.exception("a listener failed on the logs of service %s", call.service_id)


wake_up_calls = WakeUpCalls()

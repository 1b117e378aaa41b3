"""From a committed change to the open connections: one background thread with an event loop of its own.

A page that misses a message is not wrong for long: it says that it is not live, and polls. So a publish that fails
is forgotten, and while Redis is away nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

from incident_center.kernel.scope import require_organization_id
from incidents.events import IncidentChanged, IncidentCounted
from incidents.models import Incident

logger = logging.getLogger(__name__)

LONGEST_BACKLOG = 1_000
LONGEST_PUBLISH_SECONDS = 2.0
# While Redis is away, one message in this many seconds tries it; the others are dropped.
PAUSE_SECONDS = 1.0
# Figures that move with every batch of logs are told this often for each incident.
COUNTED_EVERY_SECONDS = 1.0

COUNTED = "counted"


def group_of(organization_id: int) -> str:
    """The Channels group of an organization's open connections."""
    return f"organization-{organization_id}"


def tell_change(change: IncidentChanged) -> None:
    """Handler of ``incident_changed``: sends the change once it is committed."""
    _send_on_commit(change.incident, str(change.event.kind), change.event.at.isoformat())


def tell_count(change: IncidentCounted) -> None:
    """Handler of ``incident_counted``: a sign that figures moved, at most once a second for each incident."""
    incident = change.incident
    if _throttle.lets_through(str(incident.pk)):
        _send_on_commit(incident, COUNTED, incident.last_occurrence_at.isoformat())


def _send_on_commit(incident: Incident, event: str, at: str) -> None:
    service = incident.service
    message = {
        "type": "incident.changed",
        "opened_by": str(incident.opened_by_id) if incident.opened_by_id else None,
        "payload": {
            "type": "incident",
            "event": event,
            "incident": {
                "id": str(incident.pk),
                "number": incident.number,
                "status": str(incident.status),
                "severity": str(incident.severity),
                "title": incident.title,
                "service": str(service.public_id) if service else None,
                "service_name": service.name if service else None,
                "environment": service.environment if service else None,
            },
            "at": at,
        },
    }
    group = group_of(require_organization_id())
    transaction.on_commit(lambda: publisher.publish(group, message), robust=True)


class Throttle:
    """Lets each key through once in a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def lets_through(self, key: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(key, float("-inf")) < self._seconds:
                return False
            if len(self._last) >= LONGEST_BACKLOG:
                self._last = {each: at for each, at in self._last.items() if now - at < self._seconds}
            self._last[key] = now
            return True


class LivePublisher:
    """Hands messages to the channel layer from a thread of its own; a full backlog drops the newest."""

    def __init__(self) -> None:
        self._backlog: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(LONGEST_BACKLOG)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Never blocks and never raises."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live-publisher", daemon=True)
                self._thread.start()
        try:
            self._backlog.put_nowait((group, message))
        except queue.Full:
            logger.warning("a live message was dropped: Redis does not keep up")

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        away_until = 0.0
        while True:
            group, message = self._backlog.get()
            if time.monotonic() < away_until:
                continue
            try:
                loop.run_until_complete(_send(group, message))
            except Exception as error:  # Whatever the layer's client raises: pages poll meanwhile.
                away_until = time.monotonic() + PAUSE_SECONDS
                logger.warning("live messages pause, Redis is away: %s", error)


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    await asyncio.wait_for(layer.group_send(group, message), LONGEST_PUBLISH_SECONDS)


publisher = LivePublisher()
_throttle = Throttle(COUNTED_EVERY_SECONDS)

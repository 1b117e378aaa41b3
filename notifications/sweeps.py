"""What keeps the outbox moving without the broker: due deliveries of all organizations, found every two seconds."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections, connection

from incident_center.kernel.sweeps import sweep
from notifications import outbox

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=2)
# Sends wait for other people's servers: the sweep hands them on and returns.
THREADS = 8
MOST_IN_FLIGHT = 64


def due_deliveries(most: int) -> list[tuple[int, UUID]]:
    """Organization and id of what is due, a few of each channel, oldest first. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, delivery_id FROM due_deliveries(%s)", [most])
        return [(int(row[0]), row[1]) for row in cursor.fetchall()]


class DeliveryPool:
    """Sends due deliveries on threads of this process, each once at a time."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._in_flight: set[UUID] = set()
        self._lock = threading.Lock()

    def take(self, organization_id: int, delivery_id: UUID) -> None:
        with self._lock:
            if delivery_id in self._in_flight or len(self._in_flight) >= MOST_IN_FLIGHT:
                return
            self._in_flight.add(delivery_id)
        self._threads.submit(self._run, organization_id, delivery_id)

    def _run(self, organization_id: int, delivery_id: UUID) -> None:
        try:
            outbox.deliver(organization_id=organization_id, delivery_id=delivery_id)
        except Exception:
            logger.exception("delivery %s was not finished; its lease runs out and it is sent again", delivery_id)
        finally:
            close_old_connections()
            with self._lock:
                self._in_flight.discard(delivery_id)


pool = DeliveryPool()


@sweep(name="deliveries", every=EVERY)
def send_due_deliveries() -> None:
    for organization_id, delivery_id in due_deliveries(MOST_IN_FLIGHT):
        pool.take(organization_id, delivery_id)

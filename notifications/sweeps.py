"""What keeps the outbox moving without the broker: due deliveries of all organizations, found every second."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connection

from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool
from notifications import outbox

EVERY = timedelta(seconds=1)
# Sends wait for other people's servers: the sweep hands them on and returns.
THREADS = 8
MOST_IN_FLIGHT = 64


def due_deliveries(most: int) -> list[tuple[int, UUID]]:
    """Organization and id of what is due, a few of each channel, oldest first. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, delivery_id FROM due_deliveries(%s)", [most])
        return [(int(row[0]), row[1]) for row in cursor.fetchall()]


pool = WorkPool("deliveries", threads=THREADS, most_waiting=MOST_IN_FLIGHT)


@sweep(name="deliveries", every=EVERY, lane=Lane.CLOCKS)
def send_due_deliveries() -> None:
    hand_over_due(pool)


def hand_over_due(to: WorkPool) -> None:
    for organization_id, delivery_id in due_deliveries(MOST_IN_FLIGHT):
        to.take(delivery_id, partial(outbox.deliver, organization_id=organization_id, delivery_id=delivery_id))

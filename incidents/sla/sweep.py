"""Enters warnings and breaches at their time, over all organizations: found four times a second, done on threads."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool
from incidents.actions.sla_clocks import SLA, clock_fall_due

EVERY = timedelta(seconds=0.25)
THREADS = 4
#: Few, since who is found first goes first, and each organization is found in its turn.
MOST_WAITING = 8 * THREADS
MOST_AT_ONCE = 500


def due_clocks(now: datetime, most: int) -> list[tuple[int, UUID]]:
    """Organization and id of the clocks whose warning or breach has come, the longest due of each organization first.

    Needs no scope.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, clock_id FROM due_sla_clocks(%s, %s)", [now, most])
        return [(int(row[0]), row[1]) for row in cursor.fetchall()]


def enter(organization_id: int, clock_id: UUID) -> None:
    """Enters what has come of one clock by now, if anything."""
    with organization_scope(organization_id, actor=SLA):
        clock_fall_due(clock_id=clock_id, now=timezone.now())


pool = WorkPool("service levels", threads=THREADS, most_waiting=MOST_WAITING)


@sweep(name="sla", every=EVERY, lane=Lane.CLOCKS)
def sweep_sla() -> None:
    for organization_id, clock_id in due_clocks(timezone.now(), MOST_AT_ONCE):
        pool.take(clock_id, partial(enter, organization_id, clock_id))

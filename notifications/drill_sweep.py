"""Begins drills in time, and looks after those on their way."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool
from notifications.actions.drill_look import ACTOR, drill_look
from notifications.actions.drill_plan import drills_plan
from notifications.models import Drill

EVERY = timedelta(seconds=5)
MOST_AT_ONCE = 20
# One thread: a drill waits for other people's servers, and nobody waits for a drill.
pool = WorkPool("drills", threads=1)


def due_drills(now: datetime, most: int) -> list[int]:
    """The organizations that have something due. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM due_drills(%s, %s)", [now, most])
        return [int(row[0]) for row in cursor.fetchall()]


def run_drills(organization_id: int, now: datetime) -> None:
    """Everything that is due in one organization."""
    with organization_scope(organization_id, actor=ACTOR):
        drills_plan(now=now)
        due = list(
            Drill.objects.filter(finished_at=None, next_look_at__lte=now).order_by("next_look_at")[:MOST_AT_ONCE]
        )
        for drill in due:
            drill_look(drill_id=drill.pk, now=now)


@sweep(name="drills", every=EVERY, lane=Lane.BACKGROUND)
def look_after_drills() -> None:
    for organization_id in due_drills(timezone.now(), MOST_AT_ONCE):
        pool.take(organization_id, partial(_run, organization_id))


def _run(organization_id: int) -> None:
    run_drills(organization_id, timezone.now())

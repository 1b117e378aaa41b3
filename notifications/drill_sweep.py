"""Begins drills in time, and looks after those on their way."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import close_old_connections, connection
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import sweep
from notifications.actions.drill_look import ACTOR, drill_look
from notifications.actions.drill_plan import drills_plan
from notifications.models import Drill

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
MOST_AT_ONCE = 20
# One thread: a drill waits for other people's servers, and nobody waits for a drill.
_thread = ThreadPoolExecutor(1, thread_name_prefix="drills")
_running: set[int] = set()


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


@sweep(name="drills", every=EVERY)
def look_after_drills() -> None:
    for organization_id in due_drills(timezone.now(), MOST_AT_ONCE):
        if organization_id not in _running:
            _running.add(organization_id)
            _thread.submit(_run, organization_id)


def _run(organization_id: int) -> None:
    try:
        run_drills(organization_id, timezone.now())
    except Exception:
        logger.exception("drills of organization %s were not finished; the next sweep goes on", organization_id)
    finally:
        _running.discard(organization_id)
        close_old_connections()

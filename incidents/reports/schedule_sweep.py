"""Asks for scheduled reports at their time, over all organizations."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incidents.actions.report_schedule_run import report_schedule_run
from incidents.actions.report_schedules import plan_anew
from organizations.events import organization_changed

logger = logging.getLogger(__name__)

ACTOR = Actor.system("scheduled reports")
EVERY = timedelta(seconds=20)
MOST_AT_ONCE = 200


def connect() -> None:
    organization_changed.connect(plan_anew)


def due_schedules(now: datetime, most: int) -> list[tuple[int, UUID]]:
    """What is due, the longest due first. Needs no scope: a narrow function answers with ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, schedule_id FROM report_schedules_due(%s, %s)", [now, most])
        return [(int(row[0]), row[1]) for row in cursor.fetchall()]


@sweep(name="scheduled reports", every=EVERY, lane=Lane.BACKGROUND)
def run_due_schedules() -> None:
    now = timezone.now()
    for organization_id, schedule_id in due_schedules(now, MOST_AT_ONCE):
        try:
            with organization_scope(organization_id, actor=ACTOR):
                report_schedule_run(schedule_id=schedule_id, actor=ACTOR, now=now)
        except Exception:  # One organization's trouble must not keep the reports of the others.
            logger.exception("the scheduled report %s failed; it is tried again", schedule_id)

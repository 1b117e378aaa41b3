"""Enters warnings and breaches at their time, over all organizations."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import sweep
from incidents.actions.sla_clocks import SLA, clock_fall_due

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)
MOST_AT_ONCE = 500


def due_clocks(now: datetime, most: int) -> list[tuple[int, UUID]]:
    """Organization and id of the clocks whose warning or breach has come, the longest due first. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, clock_id FROM due_sla_clocks(%s, %s)", [now, most])
        return [(int(row[0]), row[1]) for row in cursor.fetchall()]


def enter_due(now: datetime) -> int:
    """Enters what is due at ``now``; how many warnings and breaches that were."""
    entered = 0
    for organization_id, clock_id in due_clocks(now, MOST_AT_ONCE):
        try:
            with organization_scope(organization_id, actor=SLA):
                entered += clock_fall_due(clock_id=clock_id, now=now)
        except Exception:  # One incident's trouble must not keep the clocks of all others.
            logger.exception("SLA clock %s could not be entered; it is tried again", clock_id)
    return entered


@sweep(name="sla", every=EVERY)
def sweep_sla() -> None:
    while enter_due(timezone.now()) == MOST_AT_ONCE:
        pass

"""Sends the daily digests at their time, over all organizations."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incidents.actions.coverage_digest import coverage_digest_plan, coverage_digest_send
from organizations.events import OrganizationFounded, organization_founded

logger = logging.getLogger(__name__)

ACTOR = Actor.system("coverage")
EVERY = timedelta(minutes=1)
MOST_AT_ONCE = 200


def connect() -> None:
    organization_founded.connect(_plan_first)


def _plan_first(founded: OrganizationFounded) -> None:
    coverage_digest_plan(now=timezone.now())


def due_organizations(now: datetime, most: int) -> list[int]:
    """Whose digest is due, the longest due first. Needs no scope: a narrow function answers with ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM due_coverage_digests(%s, %s)", [now, most])
        return [int(row[0]) for row in cursor.fetchall()]


@sweep(name="coverage digests", every=EVERY, lane=Lane.BACKGROUND)
def send_due_digests() -> None:
    now = timezone.now()
    for organization_id in due_organizations(now, MOST_AT_ONCE):
        try:
            with organization_scope(organization_id, actor=ACTOR):
                coverage_digest_send(now=now)
        except Exception:  # One organization's trouble must not keep the digests of the others.
            logger.exception("the coverage digest of organization %s failed; it is tried again", organization_id)

"""What becomes due by itself: heartbeats that are late, alerts that nobody sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from detection.actions import expire_alerts, heartbeats
from detection.selectors import groups_with_expired_alerts, heartbeats_due
from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import sweep

logger = logging.getLogger(__name__)


@sweep(name="heartbeats", every=timedelta(seconds=1))
def sweep_heartbeats() -> None:
    for organization_id, heartbeat_id in heartbeats_due():
        _run(organization_id, heartbeats.ACTOR, partial(heartbeats.heartbeat_miss, heartbeat_id=heartbeat_id))


@sweep(name="expired alerts", every=timedelta(seconds=5))
def sweep_expired_alerts() -> None:
    for organization_id, group_id in groups_with_expired_alerts():
        _run(organization_id, expire_alerts.ACTOR, partial(expire_alerts.expire_alerts, group_id=group_id))


def _run(organization_id: int, actor: Actor, action: Callable[[], object]) -> None:
    """One at a time, in its organization; a refusal does not stop the others."""
    with organization_scope(organization_id, actor=actor):
        try:
            action()
        except Problem:
            logger.exception("could not be carried out by %s", actor)

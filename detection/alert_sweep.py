"""What becomes due by itself: heartbeats that are late, alerts that nobody sent again."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from detection.actions import expire_alerts, heartbeats
from detection.selectors import groups_with_expired_alerts, heartbeats_due
from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool

THREADS = 2
late_heartbeats = WorkPool("heartbeats", threads=THREADS)
expired_alerts = WorkPool("expired alerts", threads=THREADS)


def miss(organization_id: int, heartbeat_id: UUID) -> None:
    with organization_scope(organization_id, actor=heartbeats.ACTOR):
        heartbeats.heartbeat_miss(heartbeat_id=heartbeat_id)


def expire(organization_id: int, group_id: UUID) -> None:
    with organization_scope(organization_id, actor=expire_alerts.ACTOR):
        expire_alerts.expire_alerts(group_id=group_id)


@sweep(name="heartbeats", every=timedelta(seconds=1), lane=Lane.CLOCKS)
def sweep_heartbeats() -> None:
    for organization_id, heartbeat_id in heartbeats_due():
        late_heartbeats.take(heartbeat_id, partial(miss, organization_id, heartbeat_id))


@sweep(name="expired alerts", every=timedelta(seconds=5), lane=Lane.DETECTION)
def sweep_expired_alerts() -> None:
    for organization_id, group_id in groups_with_expired_alerts():
        expired_alerts.take(group_id, partial(expire, organization_id, group_id))

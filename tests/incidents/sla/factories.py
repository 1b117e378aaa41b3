"""What tests of service levels share."""

from __future__ import annotations

from datetime import datetime

from incident_center.kernel.scope import organization_scope
from incidents.actions.sla_clocks import SLA, clock_fall_due
from incidents.sla.sweep import due_clocks


def enter_due(now: datetime) -> int:
    """What the sweep does at a moment, on this thread; how many warnings and breaches that were."""
    entered = 0
    for organization_id, clock_id in due_clocks(now, 500):
        with organization_scope(organization_id, actor=SLA):
            entered += clock_fall_due(clock_id=clock_id, now=now)
    return entered

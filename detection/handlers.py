"""What detection listens to."""

from __future__ import annotations

import time

from detection.actions.rules import default_rule_create
from detection.selectors import lowest_level_watched
from detection.tasks import evaluate_service_task
from incident_center.kernel.tasks import enqueue
from ingestion.events import LogsStored, logs_stored
from ingestion.levels import Level
from organizations.events import OrganizationFounded, organization_founded

#: How long a changed rule may wait for its first wake-up call; the sweep has seen its logs by then.
LEVELS_LIVE_SECONDS = 5.0
_levels: dict[int, tuple[float, Level | None]] = {}


def connect() -> None:
    organization_founded.connect(_give_default_rule)
    logs_stored.connect(_wake_up)


def _give_default_rule(founded: OrganizationFounded) -> None:
    default_rule_create(actor=founded.actor)


def _wake_up(stored: LogsStored) -> None:
    """Publishes an evaluation, unless no rule of the organization counts logs of such levels."""
    known = _levels.get(stored.organization_id)
    if known is None or known[0] < time.monotonic():
        known = (time.monotonic() + LEVELS_LIVE_SECONDS, lowest_level_watched())
        _levels[stored.organization_id] = known
    lowest = known[1]
    if lowest is not None and stored.highest_level >= lowest:
        enqueue(evaluate_service_task, service_id=stored.service_id)

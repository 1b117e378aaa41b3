"""What detection listens to."""

from __future__ import annotations

import time

from detection.actions.rules import default_rule_create
from detection.actions.silence_follow import follow_silences
from detection.selectors import lowest_level_watched
from detection.tasks import evaluate_service_task
from incident_center.kernel.tasks import enqueue
from incidents.events import IncidentChanged, incident_changed
from incidents.lifecycle import Status
from incidents.models import EventKind
from ingestion.events import LogsStored, logs_stored
from ingestion.levels import Level
from organizations.events import OrganizationFounded, organization_founded

#: How long a changed rule may wait for its first wake-up call; the sweep has seen its logs by then.
LEVELS_LIVE_SECONDS = 5.0
#: After these an incident may fit other silences than before, or nobody has it any more.
_LOOKED_AT = frozenset(
    {
        EventKind.OPENED,
        EventKind.RECURRED,
        EventKind.UNMERGED,
        EventKind.ACKNOWLEDGEMENT_TIMED_OUT,
        EventKind.SEVERITY_CHANGED,
        EventKind.LABELS_CHANGED,
        EventKind.EDITED,
        EventKind.ALERTS_LINKED,
    }
)
_levels: dict[int, tuple[float, Level | None]] = {}


def connect() -> None:
    organization_founded.connect(_give_default_rule)
    logs_stored.connect(_wake_up)
    # Whether anybody may be paged is settled before escalation and notifications hear of the change.
    incident_changed.connect(_follow_silences, first=True)


def _give_default_rule(founded: OrganizationFounded) -> None:
    default_rule_create(actor=founded.actor)


def _follow_silences(change: IncidentChanged) -> None:
    """Whatever opened the incident, and whoever changed it: it is muted, or heard again, as the silences say."""
    event = change.event
    is_reopened = event.kind == EventKind.STATUS_CHANGED and event.data.get("from") == Status.RESOLVED
    if event.kind in _LOOKED_AT or is_reopened:
        explains = event.kind == EventKind.OPENED
        incident = change.incident
        follow_silences(incident, actor=change.actor, at=event.at, since=event.sequence, explains=explains)


def _wake_up(stored: LogsStored) -> None:
    """Publishes an evaluation, unless no rule of the organization counts logs of such levels."""
    known = _levels.get(stored.organization_id)
    if known is None or known[0] < time.monotonic():
        known = (time.monotonic() + LEVELS_LIVE_SECONDS, lowest_level_watched())
        _levels[stored.organization_id] = known
    lowest = known[1]
    if lowest is not None and stored.highest_level >= lowest:
        enqueue(evaluate_service_task, service_id=stored.service_id)

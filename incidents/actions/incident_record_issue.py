from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.timeline import append_event
from incidents.models import EventKind, TimelineEvent


def incident_record_issue(*, incident_id: UUID, actor: Actor, is_open: bool, data: dict[str, Any]) -> TimelineEvent:
    """Writes on the timeline that an issue about the incident was opened (again), or closed.

    Args:
        data: ``channel`` (its name), ``issue`` (such as ``acme/payments#12``) and its ``url``.

    Raises:
        NotFound: no such incident.
    """
    kind = EventKind.ISSUE_OPENED if is_open else EventKind.ISSUE_CLOSED
    with transaction.atomic():
        return append_event(incident=locked(incident_id), kind=kind, actor=actor, data=data)

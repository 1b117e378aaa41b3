from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.timeline import append_event
from incidents.models import EventKind, TimelineEvent


def incident_record_notification(
    *, incident_id: UUID, actor: Actor, delivered: bool, data: dict[str, Any]
) -> TimelineEvent:
    """Writes on the timeline that someone was told, or could not be; also where the incident is finished by
    now.

    Args:
        data: through which channel, whom, and the error where there was one; never a secret or an address.

    Raises:
        NotFound: no such incident.
    """
    kind = EventKind.NOTIFICATION_SENT if delivered else EventKind.NOTIFICATION_FAILED
    with transaction.atomic():
        return append_event(incident=locked(incident_id), kind=kind, actor=actor, data=data)

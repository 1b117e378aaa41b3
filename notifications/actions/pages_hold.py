from __future__ import annotations

from datetime import datetime

from django.db.models.functions import Greatest

from incidents.models import EventKind, Incident, TimelineEvent
from notifications.actions.outbox_write import GIVE_UP_AFTER
from notifications.models import Delivery


def pages_hold(*, incident: Incident, event: TimelineEvent) -> int:
    """Puts what people were still to be told of an incident off to the end of its mute, or takes that back.

    Part of the transaction that mutes or unmutes it, which holds the incident's lock; returns how many it was.
    """
    waiting = Delivery.objects.filter(incident=incident, channel=None, state=Delivery.State.PENDING)
    was_until = event.data.get("was_until")
    moved = 0
    if was_until:
        held = waiting.filter(next_attempt_at=datetime.fromisoformat(was_until))
        moved = held.update(next_attempt_at=incident.muted_until or event.at)
    if event.kind == EventKind.MUTED and incident.muted_until is not None:
        until = incident.muted_until
        moved += waiting.filter(next_attempt_at__lt=until).update(
            next_attempt_at=until, give_up_at=Greatest("give_up_at", until + GIVE_UP_AFTER)
        )
    return moved

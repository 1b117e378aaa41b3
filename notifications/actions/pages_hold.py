from __future__ import annotations

from django.db.models import F
from django.db.models.functions import Greatest

from incidents.models import EventKind, Incident, TimelineEvent
from notifications.actions.outbox_write import GIVE_UP_AFTER
from notifications.models import Delivery


def pages_hold(*, incident: Incident, event: TimelineEvent) -> int:
    """Puts off what people would be told of an incident during its mute; what is due after it keeps its time.

    Part of the transaction that mutes the incident, for longer or shorter than before, or unmutes it, and that holds
    its lock; returns how many messages wait longer than their own time.
    """
    waiting = Delivery.objects.filter(incident=incident, channel=None, state=Delivery.State.PENDING)
    until = incident.muted_until if event.kind == EventKind.MUTED else None
    # Their own time first: a mute may have become shorter. What has come meanwhile is due now.
    put_off = waiting.filter(put_off_from__isnull=False)
    put_off.update(next_attempt_at=Greatest("put_off_from", event.at), put_off_from=None)
    if until is None:
        return 0
    return waiting.filter(next_attempt_at__lt=until).update(
        put_off_from=F("next_attempt_at"),
        next_attempt_at=until,
        give_up_at=Greatest("give_up_at", until + GIVE_UP_AFTER),
    )

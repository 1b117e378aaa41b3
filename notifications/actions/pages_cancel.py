from __future__ import annotations

from django.utils import timezone

from incidents.lifecycle import Status
from incidents.models import EventKind, Incident, TimelineEvent
from notifications.models import Delivery

ENDS = frozenset({EventKind.ACKNOWLEDGED, EventKind.WITHDRAWN})
REASONS = {
    EventKind.ACKNOWLEDGED: "Not sent: somebody had acknowledged the incident by then.",
    EventKind.WITHDRAWN: "Not sent: the incident was withdrawn.",
    EventKind.MERGED: "Not sent: the incident was merged into another.",
    EventKind.STATUS_CHANGED: "Not sent: somebody was at work on the incident by then.",
}


def pages_cancel(*, incident: Incident, event: TimelineEvent) -> int:
    """Takes back what people were still to be told of an incident that somebody has, or that is over.

    Part of the transaction of the change, which holds the incident's lock; returns how many messages it was.
    """
    is_over = (
        event.kind in ENDS
        or (event.kind == EventKind.MERGED and incident.merged_into_id is not None)
        or (event.kind == EventKind.STATUS_CHANGED and event.data.get("to") in (Status.MITIGATED, Status.RESOLVED))
    )
    if not is_over:
        return 0
    waiting = Delivery.objects.filter(incident=incident, channel=None, state=Delivery.State.PENDING)
    return waiting.update(
        state=Delivery.State.CANCELLED, failure=REASONS[EventKind(event.kind)], finished_at=timezone.now()
    )

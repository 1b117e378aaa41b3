"""Writing what is to be told: inbox rows and deliveries, in the transaction of the change that they tell of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import require_organization_id
from incidents.models import Incident, TimelineEvent
from notifications.events import DeliveriesWritten, deliveries_written
from notifications.messages import Told
from notifications.models import Channel, Delivery, Notification

GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_TITLE = 600


def write_inbox(user_ids: Iterable[UUID], incident: Incident, event: TimelineEvent, told: Told) -> None:
    Notification.objects.bulk_create(
        [
            Notification(
                user_id=user_id,
                incident=incident,
                event=event,
                topic=told.topic,
                title=f"{incident.reference} {told.summary}"[:LONGEST_TITLE],
                body=told.note,
                created_at=event.at,
            )
            for user_id in user_ids
        ],
        ignore_conflicts=True,
    )


def to_channel(channel: Channel, incident: Incident, event: TimelineEvent, told: Told, payload: Any) -> Delivery:
    """A delivery through a channel, due at once; not written yet."""
    return Delivery(
        channel=channel,
        incident=incident,
        event=event,
        topic=told.topic,
        sequence=event.sequence,
        payload=payload,
        next_attempt_at=event.at,
        created_at=event.at,
        give_up_at=event.at + GIVE_UP_AFTER,
    )


def write_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Puts them into the outbox, each once for its event, and announces them by ``deliveries_written``."""
    if not deliveries:
        return
    with transaction.atomic():
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    due_now = tuple(delivery.pk for delivery in deliveries if delivery.next_attempt_at <= delivery.created_at)
    deliveries_written.emit(DeliveriesWritten(require_organization_id(), due_now))

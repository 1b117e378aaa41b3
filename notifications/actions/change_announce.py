from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from incident_center.kernel.scope import require_organization_id
from incidents.events import IncidentChanged
from notifications import messages
from notifications.events import DeliveriesWritten, deliveries_written
from notifications.models import Delivery, Notification
from notifications.recipients import channels_to_tell, people_to_tell
from notifications.topics import topic_of

GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_TITLE = 600


def change_announce(change: IncidentChanged) -> None:
    """Puts what happened to an incident into inboxes and the outbox; part of the transaction of the change.

    Nothing leaves the machine here. What was written to the outbox is announced by ``deliveries_written``.
    """
    incident, event, actor = change.incident, change.event, change.actor
    topic = topic_of(event.kind, event.data)
    if topic is None:
        return
    people = people_to_tell(incident, topic, actor)
    channels = channels_to_tell(incident, topic)
    if not people and not channels:
        return
    told = messages.tell(topic, event, actor)
    Notification.objects.bulk_create(
        [
            Notification(
                user_id=user_id,
                incident=incident,
                event=event,
                topic=topic,
                title=f"{incident.reference} {told.summary}"[:LONGEST_TITLE],
                body=told.note,
                created_at=event.at,
            )
            for user_id in people
        ],
        ignore_conflicts=True,
    )
    if not channels:
        return
    payload = messages.document(incident, event, actor, told)
    deliveries = [
        Delivery(
            channel=channel,
            incident=incident,
            event=event,
            topic=topic,
            sequence=event.sequence,
            payload=payload,
            next_attempt_at=event.at,
            created_at=event.at,
            give_up_at=event.at + GIVE_UP_AFTER,
        )
        for channel in channels
    ]
    with transaction.atomic():
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    deliveries_written.emit(DeliveriesWritten(require_organization_id(), tuple(delivery.pk for delivery in deliveries)))

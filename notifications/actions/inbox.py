from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import Actor
from notifications.models import Notification


def notification_mark_read(*, actor: Actor, notification_id: UUID, read: bool = True) -> Notification:
    """Marks one of the actor's own notifications read, or unread again. Twice is no error.

    Raises:
        NotFound: no such notification in the actor's inbox.
    """
    notification = (
        Notification.objects.select_related("incident").filter(pk=notification_id, user=actor.user_id).first()
    )
    if notification is None:
        raise NotFound()
    if read != (notification.read_at is not None):
        notification.read_at = timezone.now() if read else None
        notification.save(update_fields=["read_at"])
    return notification


def notifications_mark_all_read(*, actor: Actor) -> int:
    """Marks all of the actor's notifications read; returns how many were not."""
    return Notification.objects.filter(user=actor.user_id, read_at=None).update(read_at=timezone.now())

from __future__ import annotations

from incidents.events import PeopleTold
from notifications.actions.outbox_write import LONGEST_TITLE
from notifications.models import Notification
from notifications.topics import Topic


def notice_write(told: PeopleTold) -> None:
    """Puts a line that is about no incident into people's inboxes; part of the transaction that tells them."""
    Notification.objects.bulk_create(
        [
            Notification(
                user_id=user_id, topic=Topic.NOTICE, title=told.title[:LONGEST_TITLE], body=told.body, path=told.path
            )
            for user_id in told.user_ids
        ]
    )

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from incident_center.kernel.models import uuid7
from incident_center.kernel.scope import Actor
from notifications import messages
from notifications.channels.base import Message, Result
from notifications.channels.registry import channel_kind
from notifications.selectors import get_channel


def channel_test(*, actor: Actor, channel_id: UUID) -> Result:
    """Sends a test message now, also through a channel that is switched off, and returns what came of it.

    Takes up to ten seconds. Call it outside a transaction.

    Raises:
        NotFound: no such channel.
    """
    channel = get_channel(channel_id)
    now = timezone.now()
    payload = messages.test_document(channel.name, actor, now)
    return channel_kind(channel.kind).send(channel.recipient(now), Message(str(uuid7()), payload, now))

from __future__ import annotations

from incidents.events import RespondersPaged
from notifications import messages
from notifications.actions.outbox_write import to_channel, write_deliveries, write_inbox
from notifications.models import Channel
from notifications.paging import page_people
from notifications.topics import Topic
from organizations.models import Membership


def responders_page(paged: RespondersPaged) -> None:
    """Tells the people of an escalation's step by their own rules, and the channels that it names.

    Part of the transaction of the step.
    """
    incident, event = paged.incident, paged.event
    told = messages.tell(Topic.PAGED, event, paged.actor)
    payload = messages.document(incident, event, paged.actor, told)
    active = Membership.objects.filter(user__in=paged.user_ids, is_active=True).order_by("pk")
    people = list(active.values_list("user_id", flat=True))
    write_inbox(people, incident, event, told)
    channels = Channel.objects.filter(pk__in=paged.channel_ids, enabled=True, removed_at=None).order_by("pk")
    deliveries = [to_channel(channel, incident, event, told, payload) for channel in channels]
    deliveries += page_people(people, paged.urgency, incident, event, told, payload)
    write_deliveries(deliveries)

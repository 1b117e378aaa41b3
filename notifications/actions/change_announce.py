from __future__ import annotations

from incidents.events import IncidentChanged
from notifications import messages
from notifications.actions.outbox_write import to_channel, write_deliveries, write_inbox
from notifications.actions.pages_cancel import pages_cancel
from notifications.paging import page_people, urgency_of
from notifications.recipients import channels_to_tell, people_to_tell
from notifications.topics import ALARMS, topic_of


def change_announce(change: IncidentChanged) -> None:
    """Puts what happened to an incident into inboxes and the outbox; part of the transaction of the change.

    Nothing leaves the machine here. What was written to the outbox is announced by ``deliveries_written``.
    """
    incident, event, actor = change.incident, change.event, change.actor
    pages_cancel(incident=incident, event=event)
    topic = topic_of(event.kind, event.data)
    if topic is None:
        return
    people = people_to_tell(incident, topic, actor)
    channels = channels_to_tell(incident, topic)
    if not people and not channels:
        return
    told = messages.tell(topic, event, actor)
    write_inbox(people, incident, event, told)
    payload = messages.document(incident, event, actor, told)
    deliveries = [to_channel(channel, incident, event, told, payload) for channel in channels]
    if topic in ALARMS:
        deliveries += page_people(people, urgency_of(incident), incident, event, told, payload)
    write_deliveries(deliveries)

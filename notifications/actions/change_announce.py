from __future__ import annotations

from incidents import ledger
from incidents.events import IncidentChanged
from incidents.ledger import Ruling
from incidents.models import EventKind, Incident, Stage
from notifications import messages
from notifications.actions.outbox_write import to_channel, write_deliveries, write_inbox
from notifications.actions.pages_cancel import pages_cancel
from notifications.actions.pages_hold import pages_hold
from notifications.paging import page_people, urgency_of_severity
from notifications.recipients import people_to_tell
from notifications.routing.plan import Case, RoutePlan, channels_that_know, plan_routes
from notifications.selectors import channels_to_the_end
from notifications.topics import ALARMS, CHANNEL_TOPICS, ENDS_AND_BEGINNINGS, HELD_BACK, PAGING, Topic, topic_of


def change_announce(change: IncidentChanged) -> None:
    """Puts what happened to an incident into inboxes and the outbox; part of the transaction of the change.

    Nothing leaves the machine here. What was written to the outbox is announced by ``deliveries_written``.
    """
    incident, event, actor = change.incident, change.event, change.actor
    pages_cancel(incident=incident, event=event)
    if event.kind in (EventKind.MUTED, EventKind.UNMUTED):
        pages_hold(incident=incident, event=event)
    topic = topic_of(event.kind, event.data)
    if topic is None:
        return
    is_muted = incident.is_muted_at(event.at)
    if is_muted and topic in HELD_BACK:
        ledger.record([_not_told(incident, topic)], incident=incident)
        return
    people = people_to_tell(incident, topic, actor)
    routes = RoutePlan()
    if topic in CHANNEL_TOPICS:
        knowing = channels_that_know(incident)
        routes = plan_routes(Case.of(incident, topic), event.at, knowing=knowing)
        if is_muted:
            routes.leave_only(knowing)
    ledger.record(routes.rulings(), incident=incident)
    routed = [user_id for user_id in routes.people if user_id not in people and user_id != actor.user_id]
    channels = routes.open_channels()
    if topic in ENDS_AND_BEGINNINGS:
        channels += [channel for channel in channels_to_the_end(incident) if channel not in channels]
    if not people and not routed and not channels:
        return
    told = messages.tell(topic, event, actor)
    write_inbox([*people, *routed], incident, event, told)
    payload = messages.document(incident, event, actor, told)
    deliveries = [to_channel(channel, incident, event, told, payload) for channel in channels]
    paged = [*(people if topic in ALARMS else ()), *(routed if topic in PAGING else ())]
    if paged:
        urgency = urgency_of_severity(incident.severity)
        deliveries += page_people(paged, urgency, incident, event, told, payload)
    write_deliveries(deliveries)


def _not_told(incident: Incident, topic: Topic) -> Ruling:
    assert incident.muted_until is not None
    reason = (
        f"“{topic.label}” is told to nobody: the incident is muted until {incident.muted_until:%d %b %H:%M} UTC."
        " What is still open then is told then."
    )
    return Ruling(Stage.ROUTE, "not_told", reason, data={"topic": topic.value})

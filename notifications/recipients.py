"""Who is told of a change, and through what.

An alarm (opened, recurred, reopened) reaches people by the escalation policy that covers the incident
(``incidents.events.responders_paged``); where none does, all active members but auditors and reporters. What happens
afterwards reaches those who have to do with the incident: its assignee, its
acknowledger and its opener. Nobody is told of their own act.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from incident_center.kernel.scope import Actor
from incidents.escalation.selectors import policy_for_service
from incidents.lifecycle import Severity
from incidents.models import Incident
from notifications.models import Channel, Delivery
from notifications.topics import ALARMS, Topic
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership

_RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}
RESPONDERS = tuple(role for role in Role if allows(role, Action.WORK_INCIDENTS) is Grant.YES)
CONFIGURERS = tuple(role for role in Role if allows(role, Action.CONFIGURE) is Grant.YES)


def people_to_tell(incident: Incident, topic: Topic, actor: Actor) -> list[UUID]:
    """The user ids of the active members to tell."""
    involved = [incident.assignee_id, incident.acknowledged_by_id, incident.opened_by_id]
    concerned = Q(user__in=[user_id for user_id in involved if user_id is not None])
    if topic in ALARMS and policy_for_service(incident.service_id) is None:
        concerned |= Q(role__in=RESPONDERS)
    elif topic is Topic.SLA_BREACHED:  # A promise of the organization: those who answer for it hear of it too.
        concerned |= Q(role__in=CONFIGURERS)
    elif topic is Topic.NOTIFICATION_FAILED:  # For those who can repair the channel.
        concerned = Q(role__in=CONFIGURERS)
    memberships = Membership.objects.filter(concerned, is_active=True).order_by("pk")
    return [user_id for user_id in memberships.values_list("user_id", flat=True) if user_id != actor.user_id]


def channels_to_tell(incident: Incident, topic: Topic) -> list[Channel]:
    """The open channels that want this.

    A channel that has heard of the incident hears of its end too, even if the severity fell below the channel's
    minimum meanwhile.
    """
    if topic is Topic.NOTIFICATION_FAILED:
        return []
    channels = list(
        Channel.objects.filter(enabled=True, removed_at=None, events__contains=[topic.value]).order_by("pk")
    )
    fitting = [channel for channel in channels if _serves(channel, incident)]
    if all(_is_severe_enough(channel, incident) for channel in fitting):
        return fitting
    knowing = set(Delivery.objects.filter(incident=incident).values_list("channel_id", flat=True))
    return [channel for channel in fitting if _is_severe_enough(channel, incident) or channel.pk in knowing]


def _serves(channel: Channel, incident: Incident) -> bool:
    if channel.service_id is not None and channel.service_id != incident.service_id:
        return False
    return not channel.environment or (
        incident.service is not None and incident.service.environment == channel.environment
    )


def _is_severe_enough(channel: Channel, incident: Incident) -> bool:
    return _RANK[Severity(incident.severity)] >= _RANK[Severity(channel.minimum_severity)]

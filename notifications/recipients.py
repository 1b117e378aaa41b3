"""Who is told of a change by inbox, whatever the routes say.

An alarm (opened, recurred, reopened) reaches people by the escalation policy that covers the incident
(``incidents.events.responders_paged``); where none does, all active members but auditors and reporters. What happens
afterwards reaches those who have to do with the incident: its assignee, its acknowledger, its opener and its followers.
Nobody is told of their own act.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from incident_center.kernel.scope import Actor
from incidents.escalation.selectors import policy_for_service
from incidents.models import Follower, Incident
from notifications.topics import ALARMS, Topic
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership

RESPONDERS = tuple(role for role in Role if allows(role, Action.WORK_INCIDENTS) is Grant.YES)
CONFIGURERS = tuple(role for role in Role if allows(role, Action.CONFIGURE) is Grant.YES)


def people_to_tell(incident: Incident, topic: Topic, actor: Actor) -> list[UUID]:
    """The user ids of the active members to tell."""
    involved = [incident.assignee_id, incident.acknowledged_by_id, incident.opened_by_id]
    following = Follower.objects.filter(incident=incident).values("user_id")
    concerned = Q(user__in=[user_id for user_id in involved if user_id is not None]) | Q(user__in=following)
    if topic in ALARMS and policy_for_service(incident.service_id) is None:
        concerned |= Q(role__in=RESPONDERS)
    elif topic is Topic.SLA_BREACHED:  # A promise of the organization: those who answer for it hear of it too.
        concerned |= Q(role__in=CONFIGURERS)
    elif topic is Topic.NOTIFICATION_FAILED:  # For those who can repair the channel.
        concerned = Q(role__in=CONFIGURERS)
    memberships = Membership.objects.filter(concerned, is_active=True).order_by("pk")
    return [user_id for user_id in memberships.values_list("user_id", flat=True) if user_id != actor.user_id]

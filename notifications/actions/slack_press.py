from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import Actor, organization_scope
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from notifications.channels.base import Recipient
from notifications.channels.slack.blocks import RESOLVE
from notifications.channels.slack.people import UnknownPersonError, email_of
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership


@dataclass(frozen=True)
class Press:
    """A button was pressed in Slack; ``action``: ACKNOWLEDGE or RESOLVE of ``notifications.channels.slack.blocks``."""

    slack_user_id: str
    action: str
    incident_id: UUID


def slack_press(*, organization_id: int, recipient: Recipient, press: Press) -> str:
    """Acknowledges or resolves as the member whose address Slack has confirmed; returns what to tell them.

    Asks Slack who it was, so it takes up to twenty seconds. Call it outside a transaction, with a request that was
    found genuine.
    """
    try:
        address = email_of(recipient, press.slack_user_id)
    except UnknownPersonError as unknown:
        return str(unknown)
    with organization_scope(organization_id, actor=None):
        member = Membership.objects.filter(user__email__iexact=address, user__is_active=True, is_active=True).first()
    if member is None:
        return f"Nobody here has the address {address}. Ask an owner to invite you, or answer in Incident Center."
    if allows(Role(member.role), Action.WORK_INCIDENTS) is not Grant.YES:
        return "Your role does not work on incidents."
    actor = Actor.user(member.user_id)
    with organization_scope(organization_id, actor=actor):
        try:
            if press.action == RESOLVE:
                incident = incident_change_status(incident_id=press.incident_id, actor=actor, status=Status.RESOLVED)
                return f"{incident.reference} is resolved."
            incident = incident_acknowledge(incident_id=press.incident_id, actor=actor)
        except Problem as problem:
            return str(problem.detail)
    return f"You acknowledged {incident.reference}. Nobody is paged any more."

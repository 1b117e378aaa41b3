"""From a person to their place: whose member, in which role, read afresh at each request.

No role is trusted from a token or a session: a change holds from the next request on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.db import connection

from incident_center.kernel.scope import Actor
from organizations.access import Action, Grant, Role, allows
from organizations.models import Organization, User


@dataclass(frozen=True)
class Member:
    """An active person of an organization, as one request sees them."""

    user: User
    membership_id: UUID
    organization_id: int
    role: Role

    @property
    def actor(self) -> Actor:
        return Actor.user(self.user.pk)

    def may(self, action: Action) -> Grant:
        return allows(self.role, action)

    def can(self, action: Action) -> bool:
        """Whether the role may do this at all, if only to objects of its own."""
        return bool(self.may(action))

    @cached_property
    def organization(self) -> Organization:
        """Needs the member's scope to be open."""
        return Organization.objects.get(pk=self.organization_id)


def member_of_user(user: User) -> Member | None:
    """The person's active membership, or None: deactivated, an operator, or off-boarded.

    Works before any scope is open, through a function that answers for one person only.
    """
    if not user.is_active:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT membership_id, organization_id, role FROM membership_of_user(%s)", [user.pk])
        row = cursor.fetchone()
    if row is None:
        return None
    return Member(user=user, membership_id=row[0], organization_id=row[1], role=Role(row[2]))

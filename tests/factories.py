"""Organizations with everything in them, made through the product's own actions."""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from django.utils import timezone

from incident_center.kernel.scope import Actor, Scope, organization_scope
from organizations.access import Role
from organizations.actions.found_organization import organization_found
from organizations.actions.keys import IssuedKey, key_create
from organizations.actions.people import user_create
from organizations.actions.services import service_create
from organizations.models import Membership, Organization, Service, User

PASSWORD = "correct horse battery staple"
_number = itertools.count(1)


@dataclass
class World:
    """One organization with a member of each role, a service and its key."""

    organization: Organization
    members: dict[Role, Membership] = field(default_factory=dict)

    @property
    def owner(self) -> Membership:
        return self.members[Role.OWNER]

    @property
    def actor(self) -> Actor:
        """The owner, as an actor."""
        return Actor.user(self.owner.user_id)

    def user(self, role: Role) -> User:
        return self.members[role].user

    def scope(self, role: Role = Role.OWNER) -> AbstractContextManager[Scope]:
        """The organization's scope, in the name of its member of the role."""
        return organization_scope(self.organization.pk, actor=Actor.user(self.members[role].user_id))

    def service(self, name: str = "", environment: str = "production") -> Service:
        with self.scope():
            return service_create(actor=self.actor, name=name or f"service-{next(_number)}", environment=environment)

    def key(self, service: Service | None = None) -> IssuedKey:
        """A key of the service, or a gateway key."""
        with self.scope():
            return key_create(actor=self.actor, user_id=self.owner.user_id, name="test", service=service)


def make_world(name: str = "", *, roles: tuple[Role, ...] = tuple(Role)) -> World:
    """Founds an organization and gives it one member of each role, ready to sign in with ``PASSWORD``."""
    number = next(_number)
    stamp = f"{number}-{timezone.now().timestamp():.6f}".replace(".", "-")
    owner = organization_found(
        email=f"owner-{stamp}@example.com",
        password=PASSWORD,
        name=f"Owner {number}",
        organization_name=name or f"Organization {number}",
        by_operator=True,
    )
    with organization_scope(owner.organization_id, actor=Actor.user(owner.user_id)):
        world = World(organization=Organization.objects.get(pk=owner.organization_id))
        world.members[Role.OWNER] = owner
        for role in roles:
            if role is Role.OWNER:
                continue
            user = user_create(email=f"{role}-{stamp}@example.com", password=PASSWORD, name=f"{role.label} {number}")
            world.members[role] = Membership.objects.create(user=user, role=role)
    return world

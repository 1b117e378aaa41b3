"""Policies and people for tests of escalation, made through the product's own actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from incident_center.kernel.scope import Actor
from incidents.actions.escalation_policies import escalation_policy_create
from incidents.escalation import reachability as reachability_registry
from incidents.escalation.selectors import due_escalations
from incidents.escalation.sweep import advance
from incidents.events import RespondersPaged, responders_paged
from incidents.models import Escalation, EscalationPolicy, Incident
from organizations.access import Role
from organizations.actions.people import user_create
from organizations.models import Membership
from tests.factories import PASSWORD, World

#: Delay in minutes, and whom it names: people by their user ids, anything else as the API writes it.
Step = tuple[int, list[Any]]


def make_policy(world: World, steps: list[Step], *, name: str = "Payments", **fields: Any) -> EscalationPolicy:
    """A policy, the organization's default unless said otherwise."""
    fields.setdefault("is_default", True)
    stored = [{"delay_minutes": delay, "targets": [_target(each) for each in named]} for delay, named in steps]
    with world.scope():
        return escalation_policy_create(actor=world.actor, fields={"name": name, "steps": stored, **fields})  # type: ignore[typeddict-item]


def _target(named: Any) -> dict[str, str]:
    return {"type": "user", "id": str(named)} if isinstance(named, UUID) else named


def add_engineer(world: World, name: str) -> UUID:
    """A further active member; returns the user's id."""
    with world.scope():
        email = f"{name.lower().replace(' ', '-')}-{world.organization.pk}@example.com"
        user = user_create(email=email, password=PASSWORD, name=name)
        Membership.objects.create(user=user, role=Role.ENGINEER)
    return user.pk


def user_id(world: World, role: Role) -> UUID:
    return world.members[role].user_id


def actor(world: World, role: Role) -> Actor:
    return Actor.user(user_id(world, role))


def sweep_at(now: datetime) -> None:
    """What the sweep does at a moment, on this thread. What is locked is left to whoever has it."""
    for due in due_escalations(500, now):
        advance(due, clock=lambda: now, attempts=1)


def escalation_of(incident: Incident) -> Escalation:
    return Escalation.objects.filter(incident=incident).latest("started_at", "id")


@contextmanager
def pages() -> Iterator[list[RespondersPaged]]:
    """Every page that happens inside the block, in order."""
    seen: list[RespondersPaged] = []
    responders_paged.connect(seen.append)
    try:
        yield seen
    finally:
        responders_paged.disconnect(seen.append)


class Unreachable(reachability_registry.Everybody):
    """Some people have no contact method."""

    def __init__(self, *user_ids: UUID) -> None:
        self._user_ids = user_ids

    def unreachable_people(self, user_ids: Any) -> dict[UUID, str]:
        return {each: "has no verified contact method" for each in self._user_ids if each in user_ids}


@contextmanager
def reachable_as(reachability: reachability_registry.Reachability) -> Iterator[None]:
    before = reachability_registry.reachability()
    reachability_registry.register(reachability)
    try:
        yield
    finally:
        reachability_registry.register(before)

"""Schedules with people on them, made through the product's own actions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.actions.schedule_layers import layer_create
from incidents.actions.schedule_overrides import override_create
from incidents.actions.schedules import schedule_create
from incidents.actions.shift_swaps import swap_ask
from incidents.models import Schedule, ScheduleLayer
from organizations.access import Role
from tests.factories import World

RESPONDERS = (Role.OWNER, Role.TEAM_LEAD, Role.ENGINEER)


def make_schedule(world: World, name: str = "Payments", timezone: str = "Europe/Berlin") -> Schedule:
    with world.scope():
        return schedule_create(actor=world.actor, name=name, timezone=timezone)


def add_layer(world: World, schedule: Schedule, *roles: Role, **fields: Any) -> ScheduleLayer:
    """A layer of the members of these roles, in this order; weekly unless said otherwise."""
    people = [world.members[role].user_id for role in roles]
    with world.scope():
        return layer_create(
            schedule_id=schedule.pk,
            actor=world.actor,
            fields={"participants": people, **fields},  # type: ignore[typeddict-item]
        )


def full_schedule(world: World, name: str = "Full") -> Schedule:
    """The world's schedule of the name with one layer, one override and one swap; made once."""
    with world.scope():
        if found := Schedule.objects.filter(name=name).first():
            return found
    schedule = make_schedule(world, name)
    engineer = world.members[Role.ENGINEER].user_id
    add_layer(world, schedule, Role.ENGINEER)
    now = timezone.now()
    with world.scope():
        override_create(
            schedule_id=schedule.pk,
            actor=world.actor,
            user_id=world.owner.user_id,
            starts_at=now + timedelta(days=1),
            ends_at=now + timedelta(days=2),
        )
    with world.scope(Role.ENGINEER):
        swap_ask(
            schedule_id=schedule.pk,
            actor=Actor.user(engineer),
            starts_at=now + timedelta(days=3),
            ends_at=now + timedelta(days=4),
        )
    return schedule

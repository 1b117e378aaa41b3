"""Making, changing and deleting on-call schedules. Their layers are in ``schedule_layers``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor, require_organization_id
from incidents.models import Schedule
from incidents.models.schedule import LONGEST_NAME
from organizations.models import Organization, validate_time_zone

LONGEST_DESCRIPTION = 5_000


def schedule_create(*, actor: Actor, name: str, description: str = "", timezone: str | None = None) -> Schedule:
    """Makes a schedule without layers; its time zone is the organization's unless given.

    Raises:
        InvalidInput: the name is empty or too long, the time zone unknown.
        Conflict: the name is taken.
    """
    zone = timezone or Organization.objects.values_list("timezone", flat=True).get(pk=require_organization_id())
    schedule = Schedule()
    _apply(schedule, {"name": name, "description": description, "timezone": zone})
    return _saved(schedule)


def schedule_update(*, schedule_id: UUID, actor: Actor, changes: Mapping[str, Any]) -> Schedule:
    """Changes ``name``, ``description`` or ``timezone``. Another time zone moves every hand-over to its clock.

    Raises:
        NotFound, InvalidInput, Conflict: as ``schedule_create``.
    """
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        _apply(schedule, changes)
        return _saved(schedule)


def schedule_delete(*, schedule_id: UUID, actor: Actor) -> None:
    """Deletes a schedule with its layers, overrides, swaps and feeds. Raises NotFound."""
    with transaction.atomic():
        lock_schedule(schedule_id).delete()


def lock_schedule(schedule_id: UUID) -> Schedule:
    """Every change of who is on call holds this lock. Raises NotFound."""
    schedule = Schedule.objects.select_for_update(no_key=True).filter(pk=schedule_id).first()
    if schedule is None:
        raise NotFound()
    return schedule


def _apply(schedule: Schedule, changes: Mapping[str, Any]) -> None:
    if "name" in changes:
        schedule.name = " ".join(changes["name"].split())
        if not 0 < len(schedule.name) <= LONGEST_NAME:
            raise InvalidInput("name", f"Name the schedule in 1 to {LONGEST_NAME} characters.")
    if "description" in changes:
        schedule.description = changes["description"].strip()
        if len(schedule.description) > LONGEST_DESCRIPTION:
            raise InvalidInput("description", f"At most {LONGEST_DESCRIPTION:,} characters.")
    if "timezone" in changes:
        schedule.timezone = changes["timezone"]
        try:
            validate_time_zone(schedule.timezone)
        except ValidationError as error:
            raise InvalidInput("timezone", error.messages[0]) from error


def _saved(schedule: Schedule) -> Schedule:
    try:
        with transaction.atomic():
            schedule.save()
    except IntegrityError as error:
        raise Conflict(f"There is a schedule {schedule.name!r} already.") from error
    return schedule

"""One person on call instead of whoever the layers say: planned by who configures, or taken by the person."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, Forbidden, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.schedules import lock_schedule
from incidents.models import Schedule, ScheduleOverride
from incidents.models.schedule import EARLIEST, LATEST, LONGEST_REASON
from incidents.schedules.selectors import present, shifts_between

LONGEST_OVERRIDE = timedelta(days=366)


def override_create(
    *,
    schedule_id: UUID,
    actor: Actor,
    user_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    origin: ScheduleOverride.Origin = ScheduleOverride.Origin.PLANNED,
) -> ScheduleOverride:
    """Puts a person on call between two moments, which may be over: so is written down who really was.
    Of two overrides at the same time the later made one holds.

    Raises:
        NotFound: no such schedule.
        InvalidInput: no such person, a span that is empty or too long, or too long a reason.
    """
    check_span(starts_at, ends_at)
    if len(reason) > LONGEST_REASON:
        raise InvalidInput("reason", f"At most {LONGEST_REASON} characters.")
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        if user_id not in present([user_id]):
            raise InvalidInput("user", "No active member whose role may respond to incidents has this id.")
        return put_on_call(schedule, user_id, starts_at, ends_at, reason.strip(), origin)


def shift_take(
    *, schedule_id: UUID, actor: Actor, starts_at: datetime, ends_at: datetime, reason: str = ""
) -> ScheduleOverride:
    """Puts the actor on call between two moments; what is over of it already stays as it was.

    Raises:
        NotFound: no such schedule.
        Forbidden: the actor may not be on call.
        InvalidInput: a span that is empty, over or too long, or too long a reason.
        Conflict: the actor is on call then anyway.
    """
    user_id = require_responder(actor)
    starts_at = max(starts_at, timezone.now().replace(microsecond=0))
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        check_future(starts_at, ends_at)
        if all(shift.user == user_id for shift in shifts_between(schedule, starts_at, ends_at)):
            raise Conflict("You are on call for all of that time already.")
        return override_create(
            schedule_id=schedule_id,
            actor=actor,
            user_id=user_id,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            origin=ScheduleOverride.Origin.TAKEN,
        )


def override_delete(*, schedule_id: UUID, override_id: UUID, actor: Actor) -> None:
    """Takes an override back. One that is under way ends now: what is over of it stays.

    Raises:
        NotFound: the schedule has no such override.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_schedule(schedule_id)
        override = ScheduleOverride.objects.filter(schedule=schedule_id, pk=override_id).first()
        if override is None:
            raise NotFound()
        if override.starts_at < now < override.ends_at:
            override.ends_at = now
            override.save(update_fields=["ends_at"])
        else:
            override.delete()


def put_on_call(
    schedule: Schedule,
    user_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    origin: ScheduleOverride.Origin,
) -> ScheduleOverride:
    """Writes the override; the schedule is locked, and everything else checked."""
    return ScheduleOverride.objects.create(
        schedule=schedule, user_id=user_id, starts_at=starts_at, ends_at=ends_at, reason=reason, origin=origin
    )


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raises InvalidInput for a span that is empty, too long or in another century."""
    for name, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if not EARLIEST <= moment.year < LATEST:
            raise InvalidInput(name, f"Write a time between the years {EARLIEST} and {LATEST}.")
    if ends_at <= starts_at:
        raise InvalidInput("ends_at", "It would end before it begins.")
    if ends_at - starts_at > LONGEST_OVERRIDE:
        raise InvalidInput("ends_at", f"At most {LONGEST_OVERRIDE.days} days.")


def check_future(starts_at: datetime, ends_at: datetime) -> None:
    """As ``check_span``, and refuses what is over."""
    if ends_at <= timezone.now():
        raise InvalidInput("ends_at", "That time is over; who was on call stays on record.")
    check_span(starts_at, ends_at)


def require_responder(actor: Actor) -> UUID:
    """The actor's user id. Raises Forbidden where the actor may not be on call."""
    if actor.user_id is None or actor.user_id not in present([actor.user_id]):
        raise Forbidden("Only a member whose role may respond to incidents can be on call.")
    return actor.user_id

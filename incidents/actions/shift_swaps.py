"""Asking somebody to take a shift, and what becomes of the request. Accepting it changes the schedule at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.schedule_overrides import check_future, put_on_call, require_responder
from incidents.actions.schedules import lock_schedule
from incidents.events import PeopleTold, people_told
from incidents.models import Schedule, ScheduleOverride, ShiftSwap
from incidents.models.schedule import LONGEST_REASON
from incidents.schedules.selectors import present, shifts_between
from incidents.schedules.wording import span_words
from organizations.models import User

Span = tuple[datetime, datetime]


def swap_ask(
    *,
    schedule_id: UUID,
    actor: Actor,
    starts_at: datetime,
    ends_at: datetime,
    asked: UUID | None = None,
    in_return: Span | None = None,
    message: str = "",
) -> ShiftSwap:
    """Asks a person, or whoever accepts first, to take the actor's shift, perhaps for one of theirs in return.

    Raises:
        NotFound: no such schedule.
        Forbidden: the actor may not be on call.
        InvalidInput: a time that is over, or a person who cannot take it.
        Conflict: one of the two is not on call then.
    """
    requester = require_responder(actor)
    check_future(starts_at, ends_at)
    if starts_at <= timezone.now():
        raise InvalidInput("starts_at", "It has begun; ask from a later moment on, or have somebody take it over.")
    if len(message) > LONGEST_REASON:
        raise InvalidInput("message", f"At most {LONGEST_REASON} characters.")
    if asked == requester or (asked is not None and asked not in present([asked])):
        raise InvalidInput("asked", "Ask another active member whose role may respond to incidents, or anyone.")
    if in_return is not None:
        if asked is None:
            raise InvalidInput("asked", "Say whose shift you would take in return.")
        check_future(*in_return)
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        _require_on_call(schedule, requester, (starts_at, ends_at))
        if in_return is not None and asked is not None:
            _require_on_call(schedule, asked, in_return)
        swap = ShiftSwap.objects.create(
            schedule=schedule,
            requester_id=requester,
            asked_id=asked,
            starts_at=starts_at,
            ends_at=ends_at,
            return_starts_at=in_return[0] if in_return else None,
            return_ends_at=in_return[1] if in_return else None,
            message=message.strip(),
        )
        _tell_asked(schedule, swap)
    return swap


def swap_accept(*, schedule_id: UUID, swap_id: UUID, actor: Actor) -> ShiftSwap:
    """The actor takes the shift, and the requester what was offered in return.

    Raises:
        NotFound: the schedule has no such request.
        Forbidden: the actor may not be on call.
        Conflict: somebody else was asked, it was decided before or has begun, or the schedule has changed meanwhile.
    """
    user_id = require_responder(actor)
    now = timezone.now()
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        swap = _waiting(schedule, swap_id)
        if user_id == swap.requester_id or swap.asked_id not in (None, user_id):
            raise Conflict("Somebody else was asked to take this shift.")
        spans: list[tuple[Span, UUID, UUID]] = [((swap.starts_at, swap.ends_at), swap.requester_id, user_id)]
        if swap.return_starts_at is not None and swap.return_ends_at is not None:
            spans.append(((swap.return_starts_at, swap.return_ends_at), user_id, swap.requester_id))
        for span, giver, taker in spans:
            if span[0] <= now:
                raise Conflict("The shift has begun; the request is too old.")
            if taker not in present([taker]):
                raise Conflict(f"{_name(taker)} may not be on call any more.")
            _require_on_call(schedule, giver, span)
        for span, giver, taker in spans:
            put_on_call(
                schedule, taker, *span, f"Swapped with {_name(giver)}"[:LONGEST_REASON], ScheduleOverride.Origin.SWAPPED
            )
        _tell(schedule, (swap.requester_id,), f"{_name(user_id)} takes your shift on {schedule.name}", swap)
        return _decided(swap, ShiftSwap.State.ACCEPTED, user_id, now)


def swap_decline(*, schedule_id: UUID, swap_id: UUID, actor: Actor) -> ShiftSwap:
    """The person who was asked will not.

    Raises:
        NotFound: the schedule has no such request.
        Conflict: the actor was not asked by name, or it was decided before.
    """
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        swap = _waiting(schedule, swap_id)
        if swap.asked_id is None or swap.asked_id != actor.user_id:
            raise Conflict("Only the person who was asked can decline.")
        _tell(schedule, (swap.requester_id,), f"{_name(swap.asked_id)} cannot take your shift on {schedule.name}", swap)
        return _decided(swap, ShiftSwap.State.DECLINED, swap.asked_id, timezone.now())


def swap_withdraw(*, schedule_id: UUID, swap_id: UUID, actor: Actor) -> ShiftSwap:
    """The requester asks no longer.

    Raises:
        NotFound: the schedule has no such request.
        Conflict: it is somebody else's request, or it was decided before.
    """
    with transaction.atomic():
        swap = _waiting(lock_schedule(schedule_id), swap_id)
        if swap.requester_id != actor.user_id:
            raise Conflict("It is somebody else's request.")
        return _decided(swap, ShiftSwap.State.WITHDRAWN, swap.requester_id, timezone.now())


def _tell_asked(schedule: Schedule, swap: ShiftSwap) -> None:
    """The person who was asked, or everybody who takes turns on the schedule."""
    turns = {user_id for layer in schedule.layers.all() for user_id in layer.participants}  # type: ignore[attr-defined]
    asked = [swap.asked_id] if swap.asked_id else sorted(present(turns - {swap.requester_id}))
    whom = "you" if swap.asked_id else "who can"
    title = f"{_name(swap.requester_id)} asks {whom} to take a shift on {schedule.name}"
    _tell(schedule, tuple(asked), title, swap)


def _tell(schedule: Schedule, user_ids: tuple[UUID, ...], title: str, swap: ShiftSwap) -> None:
    span = f"{span_words(swap.starts_at, swap.ends_at, ZoneInfo(schedule.timezone))} ({schedule.timezone})"
    body = f"{span}: {swap.message}" if swap.message else span
    path = reverse("schedules:schedule", args=[schedule.pk])
    people_told.emit(PeopleTold(user_ids, title, body, path))


def _waiting(schedule: Schedule, swap_id: UUID) -> ShiftSwap:
    swap = ShiftSwap.objects.filter(schedule=schedule, pk=swap_id).first()
    if swap is None:
        raise NotFound()
    if swap.state != ShiftSwap.State.ASKED:
        raise Conflict(f"The request was {swap.state} already.", allowed=[])
    return swap


def _decided(swap: ShiftSwap, state: ShiftSwap.State, user_id: UUID, now: datetime) -> ShiftSwap:
    swap.state, swap.decided_by_id, swap.decided_at = state, user_id, now
    swap.save(update_fields=["state", "decided_by", "decided_at"])
    return swap


def _require_on_call(schedule: Schedule, user_id: UUID, span: Span) -> None:
    if any(shift.user != user_id for shift in shifts_between(schedule, *span)):
        raise Conflict(f"{_name(user_id)} is not on call for all of that time.")


def _name(user_id: UUID) -> str:
    return str(User.objects.get(pk=user_id))

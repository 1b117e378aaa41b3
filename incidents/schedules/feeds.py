"""What a schedule's or a person's calendar feed shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from incidents.models import Schedule
from incidents.schedules.calendar_feed import CalendarEvent, calendar_document
from incidents.schedules.selectors import person_names, shifts_between, shifts_of_person
from incidents.schedules.shifts import Shift

#: A feed begins with the month before this one, so that its first shift keeps its name for weeks.
AHEAD = timedelta(days=180)


def schedule_feed(schedule: Schedule, now: datetime) -> str:
    """Everybody's shifts on the schedule; gaps are left out."""
    shifts = [shift for shift in shifts_between(schedule, *_span(now)) if shift.user is not None]
    names = person_names(shift.user for shift in shifts if shift.user is not None)
    events = [_event(schedule, shift, f"{names.get(shift.user, 'someone')}: {schedule.name}") for shift in shifts]  # type: ignore[arg-type]
    return calendar_document(schedule.name, events, made_at=now)


def person_feed(user_id: UUID, name: str, now: datetime) -> str:
    """The person's own shifts on every schedule."""
    found = shifts_of_person(user_id, *_span(now))
    events = [_event(schedule, shift, f"On call: {schedule.name}") for schedule, shift in found]
    return calendar_document(f"On call: {name}", events, made_at=now)


def _span(now: datetime) -> tuple[datetime, datetime]:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1), now + AHEAD


def feed_address(schedule: Schedule | None, token: str) -> str:
    """Where a calendar program finds the schedule's feed, or, without one, the feed of the token's person."""
    path = f"schedules/{schedule.pk}" if schedule else "me"
    return f"{settings.BASE_URL}/v1/{path}/calendar.ics?token={token}"


def _event(schedule: Schedule, shift: Shift, summary: str) -> CalendarEvent:
    return CalendarEvent(
        identifier=f"{schedule.pk}-{shift.start:%Y%m%dT%H%M%SZ}-{shift.user}@incident-center",
        start=shift.start,
        end=shift.end,
        summary=summary,
        description=settings.BASE_URL + reverse("schedules:schedule", args=[schedule.pk]),
    )

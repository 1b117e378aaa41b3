"""Making, changing and deleting business calendars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.models import BusinessCalendar, SlaPolicy
from incidents.models.sla import hours_of
from incidents.sla.business_hours import add
from incidents.sla.holiday_calendar import countries, subdivisions

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_WINDOWS = 10
MOST_EXTRA_HOLIDAYS = 500
FIELDS = ("name", "timezone", "week", "country", "subdivision", "extra_holidays")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


def business_calendar_create(*, actor: Actor, fields: Mapping[str, Any]) -> BusinessCalendar:
    """Raises InvalidInput, which names what is wrong, or Conflict where the name is taken."""
    calendar = BusinessCalendar(week=[[] for _ in WEEKDAYS], timezone="UTC")
    _apply(calendar, fields)
    return _saved(calendar)


def business_calendar_update(*, calendar_id: UUID, actor: Actor, changes: Mapping[str, Any]) -> BusinessCalendar:
    """Changes a calendar. Clocks that run keep the hours that they were started with.

    Raises:
        NotFound, InvalidInput, Conflict: as ``business_calendar_create``.
    """
    with transaction.atomic():
        calendar = _locked(calendar_id)
        _apply(calendar, changes)
        return _saved(calendar)


def business_calendar_delete(*, calendar_id: UUID, actor: Actor) -> None:
    """Raises NotFound, or Conflict while a policy counts by it."""
    with transaction.atomic():
        calendar = _locked(calendar_id)
        users = SlaPolicy.objects.filter(calendar=calendar)
        names = list(users.filter(removed_at=None).values_list("name", flat=True)[:5])
        if names:
            raise Conflict(f"Policies count by this calendar ({', '.join(names)}); give them another one first.")
        users.update(calendar=None)
        calendar.delete()


def _locked(calendar_id: UUID) -> BusinessCalendar:
    calendar = BusinessCalendar.objects.select_for_update(no_key=True).filter(pk=calendar_id).first()
    if calendar is None:
        raise NotFound()
    return calendar


def _saved(calendar: BusinessCalendar) -> BusinessCalendar:
    try:
        with transaction.atomic():
            calendar.save()
    except IntegrityError as error:
        raise Conflict(f"There is a calendar “{calendar.name}” already.") from error
    return calendar


def _apply(calendar: BusinessCalendar, fields: Mapping[str, Any]) -> None:
    for name in FIELDS:
        if name in fields:
            setattr(calendar, name, fields[name])
    calendar.name = " ".join(calendar.name.split())
    if not 0 < len(calendar.name) <= 100:
        raise InvalidInput("name", "Name the calendar in 1 to 100 characters.")
    if calendar.timezone not in available_timezones():
        raise InvalidInput("timezone", "Write a time zone such as Europe/Berlin.")
    _check_week(calendar.week)
    if calendar.country and calendar.country not in countries():
        raise InvalidInput("country", "Write a country's two letters, such as DE, or nothing.")
    if calendar.subdivision and calendar.subdivision not in subdivisions(calendar.country):
        known = ", ".join(subdivisions(calendar.country)) or "none"
        raise InvalidInput("subdivision", f"Write one of this country's parts ({known}), or nothing.")
    _check_extra_holidays(calendar.extra_holidays)
    try:
        add(hours_of(calendar.frozen()), timezone.now(), timedelta(minutes=1))
    except ValueError as error:
        raise InvalidInput("week", f"{str(error).capitalize()}.") from error


def _check_week(week: object) -> None:
    if not isinstance(week, list) or len(week) != len(WEEKDAYS):
        raise InvalidInput("week", 'Write seven lists, Monday first, of hours such as ["09:00", "17:00"].')
    if not any(week):
        raise InvalidInput("week", "A calendar without any hours would stop every clock; give it some.")
    for day, windows in zip(WEEKDAYS, week, strict=True):
        is_list = isinstance(windows, list) and len(windows) <= MOST_WINDOWS
        if not is_list or not all(_is_window(window) for window in windows):
            raise InvalidInput("week", f'{day}: write hours such as ["09:00", "17:00"]; the day ends at "24:00".')


def _is_window(window: object) -> bool:
    return (
        isinstance(window, list)
        and len(window) == 2
        and all(isinstance(moment, str) and _TIME.fullmatch(moment) is not None for moment in window)
    )


def _check_extra_holidays(extra: object) -> None:
    if not isinstance(extra, list) or len(extra) > MOST_EXTRA_HOLIDAYS:
        raise InvalidInput("extra_holidays", f"List at most {MOST_EXTRA_HOLIDAYS} days, each with date and name.")
    for one in extra:
        try:
            date.fromisoformat(one["date"])
            if set(one) - {"date", "name"} or not isinstance(one.get("name", ""), str):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(
                "extra_holidays", 'Write each day as {"date": "2026-12-24", "name": "Christmas Eve"}.'
            ) from None

"""Scheduled reports: set, changed, paused, resumed, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, Forbidden, InvalidInput, NotFound
from incidents.models import ReportSchedule
from incidents.models.report import LONGEST_REPORT_QUERY, LONGEST_SCHEDULE_NAME, REPORT_FORMS
from incidents.models.report_schedule import LAST_HOUR, LAST_WEEKDAY, MOST_RECIPIENTS
from incidents.reports.cadence import LAST_DAY, Every
from incidents.reports.query import DAY_NAMES, report_query
from incidents.reports.schedules import may_change, organization_zone, readers_among
from organizations.events import OrganizationChanged
from organizations.members import Member

EDITABLE = ("name", "form", "query", "every", "weekday", "day", "hour", "recipients")
MOST_SCHEDULES = 100


def report_schedule_create(*, member: Member, fields: Mapping[str, Any]) -> ReportSchedule:
    """Has a report made and told of regularly, in the name of the member.

    Args:
        fields: those of EDITABLE; ``weekday`` (0 is Monday) for every week, ``day`` (1 to 28) for every month.

    Raises:
        InvalidInput: a field is missing or wrong, or a recipient may not read reports.
        Conflict: the organization has 100 already.
    """
    with transaction.atomic():
        if ReportSchedule.objects.count() >= MOST_SCHEDULES:
            raise Conflict(f"There are {MOST_SCHEDULES} scheduled reports; delete one first.")
        schedule = ReportSchedule(responsible=member.user, query="")
        _set(schedule, member, fields)
        schedule.next_at = _next(schedule)
        schedule.save()
    return schedule


def report_schedule_update(*, schedule_id: UUID, member: Member, changes: Mapping[str, Any]) -> ReportSchedule:
    """Changes what is given; the next report is planned anew.

    Raises:
        NotFound, InvalidInput.
        Forbidden: it is somebody else's.
    """
    with transaction.atomic():
        schedule = _locked(schedule_id, member)
        _set(schedule, member, changes)
        if not schedule.is_paused:
            schedule.next_at = _next(schedule)
        schedule.save()
    return schedule


def report_schedule_pause(*, schedule_id: UUID, member: Member) -> ReportSchedule:
    """No more reports until it is resumed. Twice is no error.

    Raises:
        NotFound.
        Forbidden: it is somebody else's.
    """
    with transaction.atomic():
        schedule = _locked(schedule_id, member)
        if not schedule.is_paused:
            pause(schedule, "")
    return schedule


def report_schedule_resume(*, schedule_id: UUID, member: Member) -> ReportSchedule:
    """Goes on with the next report; those that were not made stay so. Whoever resumes it answers for it from then on.

    Raises:
        NotFound.
        Forbidden: it is somebody else's.
    """
    with transaction.atomic():
        schedule = _locked(schedule_id, member)
        if schedule.is_paused:
            schedule.is_active, schedule.pause_reason = True, ""
            schedule.responsible, schedule.next_at = member.user, _next(schedule)
            schedule.save(update_fields=["is_active", "next_at", "pause_reason", "responsible"])
    return schedule


def report_schedule_delete(*, schedule_id: UUID, member: Member) -> None:
    """Ends it. The reports that it made are kept until they expire.

    Raises:
        NotFound.
        Forbidden: it is somebody else's.
    """
    with transaction.atomic():
        _locked(schedule_id, member).delete()


def pause(schedule: ReportSchedule, reason: str) -> None:
    """Takes the locked schedule's next report away; ``reason`` where nobody asked for it."""
    schedule.is_active, schedule.next_at, schedule.pause_reason = False, None, reason
    schedule.save(update_fields=["is_active", "next_at", "pause_reason"])


def plan_anew(changed: OrganizationChanged) -> None:
    """The clock of the organization may be another."""
    for schedule in ReportSchedule.objects.select_for_update().filter(is_active=True).order_by("pk"):
        schedule.next_at = _next(schedule)
        schedule.save(update_fields=["next_at"])


def _next(schedule: ReportSchedule) -> Any:
    return schedule.cadence(organization_zone()).next_after(timezone.now()).at


def _locked(schedule_id: UUID, member: Member) -> ReportSchedule:
    schedule = ReportSchedule.objects.select_for_update(no_key=True).filter(pk=schedule_id).first()
    if schedule is None:
        raise NotFound()
    if not may_change(member, schedule):
        raise Forbidden("This report is scheduled by somebody else; they, a team lead or an owner can change it.")
    return schedule


def _set(schedule: ReportSchedule, member: Member, fields: Mapping[str, Any]) -> None:
    for name in EDITABLE:
        if name in fields:
            setattr(schedule, name, fields[name])
    schedule.name = " ".join((schedule.name or "").split())
    if not 0 < len(schedule.name) <= LONGEST_SCHEDULE_NAME:
        raise InvalidInput("name", f"Name it in 1 to {LONGEST_SCHEDULE_NAME} characters.")
    if schedule.form not in dict(REPORT_FORMS):
        raise InvalidInput("form", "Write csv or pdf.")
    if schedule.hour is None or not 0 <= schedule.hour <= LAST_HOUR:
        raise InvalidInput("hour", "Write a full hour, 0 to 23.")
    _check_day(schedule)
    _check_query(member, schedule.query)
    schedule.recipients = _checked_recipients(schedule.recipients)


def _check_day(schedule: ReportSchedule) -> None:
    if schedule.every == Every.WEEK:
        schedule.day = None
        if schedule.weekday is None or not 0 <= schedule.weekday <= LAST_WEEKDAY:
            raise InvalidInput("weekday", "Choose the day of the week.")
    elif schedule.every == Every.MONTH:
        schedule.weekday = None
        if schedule.day is None or not 1 <= schedule.day <= LAST_DAY:
            raise InvalidInput("day", f"Write a day of the month that each month has: 1 to {LAST_DAY}.")
    else:
        raise InvalidInput("every", "Write week or month.")


def _check_query(member: Member, query: str) -> None:
    if len(query) > LONGEST_REPORT_QUERY:
        raise InvalidInput("query", f"At most {LONGEST_REPORT_QUERY} characters.")
    parameters = QueryDict(query)
    if any(parameters.get(name) for name in DAY_NAMES):
        raise InvalidInput("query", "Which days a report is about follows from the calendar; leave from and to out.")
    report_query(member, parameters)


def _checked_recipients(wanted: list[UUID] | None) -> list[UUID]:
    unique = list(dict.fromkeys(wanted or ()))
    if not 0 < len(unique) <= MOST_RECIPIENTS:
        raise InvalidInput("recipients", f"Choose 1 to {MOST_RECIPIENTS} people.")
    readers = set(readers_among(unique))
    if any(user_id not in readers for user_id in unique):
        raise InvalidInput("recipients", "Choose members of the organization who may read reports.")
    return unique

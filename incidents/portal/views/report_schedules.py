"""Scheduled reports: which there are, and the form of one."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.portal.notices import say
from incidents.actions.report_schedules import (
    report_schedule_create,
    report_schedule_delete,
    report_schedule_pause,
    report_schedule_resume,
    report_schedule_update,
)
from incidents.models import ReportSchedule
from incidents.portal.report_schedule_forms import FILTERS, ReportScheduleForm, initial_of
from incidents.reports.cadence import Every
from incidents.reports.schedules import get_report_schedule, may_change, recipient_names, report_schedules
from incidents.schedules.restrictions import WEEKDAYS
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem


class ReportScheduleList(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        schedules = list(report_schedules())
        names = recipient_names(schedules)
        rows = [
            {
                "schedule": schedule,
                "when": in_words(schedule),
                "filters": shown_filters(schedule.query),
                "recipients": [names.get(user_id, "a former member") for user_id in schedule.recipients],
                "may_change": may_change(self.member, schedule),
            }
            for schedule in schedules
        ]
        context = {
            "rows": rows,
            "timezone": self.member.organization.timezone,
            "sends_no_mail": not settings.EMAIL_CONFIGURED,
        }
        return render(request, "reports/schedules.html", context)


def shown_filters(query: str) -> list[tuple[str, str]]:
    """The filters of a report by name, as people read them."""
    return [(name, ", ".join(values)) for name, values in QueryDict(query).lists() if name != "bom"]


def in_words(schedule: ReportSchedule) -> str:
    """``Mondays at 08:00``, ``Day 1 of the month at 08:00``."""
    if schedule.every == Every.WEEK:
        assert schedule.weekday is not None
        day = f"{WEEKDAYS[schedule.weekday].capitalize()}s"
    else:
        day = f"Day {schedule.day} of the month"
    return f"{day} at {schedule.hour:02}:00"


class ReportScheduleFormPage(PortalView):
    """What setting and changing one share."""

    def form(self, filters: QueryDict, *arguments: Any, **keywords: Any) -> ReportScheduleForm:
        timezone = self.member.organization.timezone
        return ReportScheduleForm(*arguments, filters=filters, timezone=timezone, **keywords)

    def page(self, form: ReportScheduleForm, schedule: ReportSchedule | None, *, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "schedule": schedule,
            "filters": [form[name] for name in FILTERS],
            "may_change": schedule is None or may_change(self.member, schedule),
        }
        if not context["may_change"]:
            for field in form.fields.values():
                field.disabled = True
        return render(self.request, "reports/schedule.html", context, status=status)


class ReportScheduleCreatePage(ReportScheduleFormPage):
    """Begins with the filters of its address."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.SCHEDULE_REPORTS, "POST": Action.SCHEDULE_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {"every": Every.WEEK, "weekday": 0, "day": 1, "hour": 8, "recipients": [str(self.member.user.pk)]}
        return self.page(self.form(_filters(request.GET), initial=initial), None)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(QueryDict(), request.POST)
        if form.is_valid():
            try:
                made = report_schedule_create(member=self.member, fields=form.schedule_fields())
            except (InvalidInput, Conflict) as problem:
                show_problem(form, problem)
            else:
                say(request, f"“{made.name}” is scheduled.")
                return redirect("reports:schedules")
        return self.page(form, None, status=400)


def _filters(parameters: QueryDict) -> QueryDict:
    filters = QueryDict(mutable=True)
    for name in FILTERS:
        if value := parameters.get(name):
            filters[name] = value
    return filters


class ReportScheduleEditPage(ReportScheduleFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS, "POST": Action.SCHEDULE_REPORTS}

    def get(self, request: HttpRequest, report_schedule_id: UUID) -> HttpResponse:
        schedule = get_report_schedule(report_schedule_id)
        return self.page(self.form(QueryDict(schedule.query), initial=initial_of(schedule)), schedule)

    def post(self, request: HttpRequest, report_schedule_id: UUID) -> HttpResponse:
        schedule = get_report_schedule(report_schedule_id)
        form = self.form(QueryDict(schedule.query), request.POST)
        if form.is_valid():
            try:
                report_schedule_update(schedule_id=schedule.pk, member=self.member, changes=form.schedule_fields())
            except InvalidInput as problem:
                show_problem(form, problem)
            else:
                say(request, f"“{form.cleaned_data['name']}” is changed.")
                return redirect("reports:schedules")
        return self.page(form, schedule, status=400)


class ReportSchedulePause(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.SCHEDULE_REPORTS}

    def post(self, request: HttpRequest, report_schedule_id: UUID) -> HttpResponse:
        schedule = report_schedule_pause(schedule_id=report_schedule_id, member=self.member)
        say(request, f"“{schedule.name}” pauses until somebody resumes it.")
        return redirect("reports:schedules")


class ReportScheduleResume(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.SCHEDULE_REPORTS}

    def post(self, request: HttpRequest, report_schedule_id: UUID) -> HttpResponse:
        schedule = report_schedule_resume(schedule_id=report_schedule_id, member=self.member)
        say(request, f"“{schedule.name}” goes on with the next report, in your name.")
        return redirect("reports:schedules")


class ReportScheduleDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.SCHEDULE_REPORTS}

    def post(self, request: HttpRequest, report_schedule_id: UUID) -> HttpResponse:
        name = get_report_schedule(report_schedule_id).name
        report_schedule_delete(schedule_id=report_schedule_id, member=self.member)
        say(request, f"“{name}” is deleted. The reports that it made are kept until they expire.")
        return redirect("reports:schedules")

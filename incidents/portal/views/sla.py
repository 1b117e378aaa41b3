"""Service levels: what was not kept, the policies, and the calendars that they count by."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import Conflict, InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from incidents.actions.business_calendars import (
    WEEKDAYS,
    business_calendar_create,
    business_calendar_delete,
    business_calendar_update,
)
from incidents.actions.sla_policies import sla_policy_create, sla_policy_remove, sla_policy_update
from incidents.models import BusinessCalendar, SlaPolicy
from incidents.portal.sla_forms import CalendarForm, DutyPolicyForm, MilestoneFormSet, SlaPolicyForm, milestones_of
from incidents.sla import selectors
from incidents.sla.holiday_calendar import named_holidays
from incidents.sla.regulatory import TEMPLATES
from organizations.access import Action
from organizations.portal.base import PortalView


class _LatestFirst(KeysetPagination):
    ordering = ("-breached_at", "-id")


class ViolationsPage(PortalView):
    """Every promise that was not kept, the latest first."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        paginator = _LatestFirst()
        rows = paginator.paginate_queryset(selectors.violations(), Request(request), view=self)  # type: ignore[arg-type]
        now = timezone.now()
        for clock in rows or []:
            clock.late = -clock.clock.remaining(clock.stopped_at or now)
        context = {
            "violations": rows,
            "next_url": paginator.get_next_link(),
            "previous_url": paginator.get_previous_link(),
        }
        return render(request, "sla/violations.html", context)


class PolicyListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        policies = list(selectors.sla_policies().order_by("-is_default", "name"))
        calendars = list(BusinessCalendar.objects.order_by("name"))
        for calendar in calendars:
            calendar.in_words = _week_in_words(calendar)  # type: ignore[attr-defined]
        names = {policy.name for policy in policies}
        context = {
            "service_levels": [policy for policy in policies if policy.kind == SlaPolicy.Kind.SERVICE],
            "duties": [policy for policy in policies if policy.kind == SlaPolicy.Kind.REGULATORY],
            "templates": [template for template in TEMPLATES if template.name not in names],
            "calendars": calendars,
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(request, "sla/policies.html", context)


def _week_in_words(calendar: BusinessCalendar) -> str:
    """``Mon–Fri 09:00–17:00``: equal days in a row together."""
    parts: list[tuple[int, int, str]] = []
    for number, windows in enumerate(calendar.week):
        hours = ", ".join(f"{opens}–{closes}" for opens, closes in windows)
        if parts and parts[-1][2] == hours and parts[-1][1] == number - 1:
            parts[-1] = (parts[-1][0], number, hours)
        else:
            parts.append((number, number, hours))
    days = [day[:3] for day in WEEKDAYS]
    named = ((days[a] if a == b else f"{days[a]}–{days[b]}", hours) for a, b, hours in parts if hours)
    return "; ".join(f"{name} {hours}" for name, hours in named)


class PolicyFormPage(PortalView):
    """What making and changing a policy share."""

    def page(self, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
        shared = {"may_configure": self.member.can(Action.CONFIGURE)}
        return render(self.request, "sla/policy.html", shared | context, status=status)

    def saved(self, policy: SlaPolicy) -> HttpResponse:
        say(self.request, f"The policy “{policy.name}” is saved.")
        return redirect("sla:policies")

    def forms_of(self, policy: SlaPolicy | None) -> dict[str, Any]:
        """The forms as they are shown; a reporting duty has one for its reports beside its own."""
        data = self.request.POST or None
        if policy is None or policy.kind == SlaPolicy.Kind.SERVICE:
            return {"form": SlaPolicyForm(data, policy=policy)}
        initial = {name: getattr(policy, name) for name in ("name", "description", "source", "warn_percent")}
        reports = MilestoneFormSet(data, initial=policy.milestones, prefix="reports")
        return {"form": DutyPolicyForm(data, initial=initial), "reports": reports}


class PolicyCreatePage(PolicyFormPage):
    """A new service level."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page({**self.forms_of(None), "is_new": True})

    def post(self, request: HttpRequest) -> HttpResponse:
        context = {**self.forms_of(None), "is_new": True}
        form: SlaPolicyForm = context["form"]
        if not form.is_valid():
            return self.page(context, status=400)
        try:
            return self.saved(sla_policy_create(actor=self.member.actor, fields=form.policy_fields()))
        except (InvalidInput, Conflict) as problem:
            form.add_faults(_faults(problem))
            return self.page(context, status=problem.status)


class PolicyFromTemplate(PortalView):
    """A reporting duty, begun from the template of its law."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            fields = {"template": request.POST.get("template", "")}
            policy = sla_policy_create(actor=self.member.actor, fields=fields)
        except Problem as problem:
            complain(request, problem.detail)
            return redirect("sla:policies")
        say(request, f"“{policy.name}” can be started on an incident now. Check it with your counsel.")
        return redirect("sla:policy", sla_policy_id=policy.pk)


class PolicyEditPage(PolicyFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, sla_policy_id: UUID) -> HttpResponse:
        policy = selectors.get_policy(sla_policy_id)
        context = {"policy": policy, **self.forms_of(policy)}
        if not self.member.can(Action.CONFIGURE):
            forms_shown = [context["form"], *context.get("reports", [])]
            for field in (field for form in forms_shown for field in form.fields.values()):
                field.disabled = True
        return self.page(context)

    def post(self, request: HttpRequest, sla_policy_id: UUID) -> HttpResponse:
        policy = selectors.get_policy(sla_policy_id)
        context = {"policy": policy, **self.forms_of(policy)}
        form, reports = context["form"], context.get("reports")
        if not form.is_valid() or (reports is not None and not reports.is_valid()):
            return self.page(context, status=400)
        changes = form.policy_fields() if reports is None else form.policy_fields(milestones_of(reports))
        changes.pop("kind")
        try:
            return self.saved(sla_policy_update(policy_id=policy.pk, actor=self.member.actor, changes=changes))
        except (InvalidInput, Conflict) as problem:
            if reports is None:
                form.add_faults(_faults(problem))
            else:
                for fault in _faults(problem):
                    form.add_error(None, _in_words(fault))
            return self.page(context, status=problem.status)


def _faults(problem: Problem) -> list[dict[str, str]]:
    return problem.members.get("errors") or [{"field": "", "message": problem.detail}]


def _in_words(fault: dict[str, str]) -> str:
    """``milestones[0].amount`` for people: “Report 1, amount: …”."""
    field = fault["field"]
    if not field.startswith("milestones["):
        return fault["message"]
    number, _, name = field.removeprefix("milestones[").partition("]")
    return f"Report {int(number) + 1}, {name.lstrip('.').replace('_', ' ')}: {fault['message']}"


class PolicyRemove(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, sla_policy_id: UUID) -> HttpResponse:
        policy = selectors.get_policy(sla_policy_id)
        try:
            sla_policy_remove(policy_id=policy.pk, actor=self.member.actor)
        except Conflict as conflict:
            complain(request, conflict.detail)
            return redirect("sla:policy", sla_policy_id=policy.pk)
        say(request, f"“{policy.name}” is removed. Clocks that run under it run on.")
        return redirect("sla:policies")


class CalendarFormPage(PortalView):
    """What making and changing a calendar share."""

    def form(self, calendar: BusinessCalendar | None) -> CalendarForm:
        data = self.request.POST or None
        return CalendarForm(data, calendar=calendar, zone=self.member.organization.timezone)

    def page(self, form: CalendarForm, calendar: BusinessCalendar | None, *, status: int = 200) -> HttpResponse:
        year = timezone.now().year
        context = {
            "form": form,
            "calendar": calendar,
            "year": year,
            "holidays": named_holidays(calendar.country, calendar.subdivision, year) if calendar else [],
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(self.request, "sla/calendar.html", context, status=status)

    def save(self, form: CalendarForm, calendar: BusinessCalendar | None) -> HttpResponse:
        if not form.is_valid():
            return self.page(form, calendar, status=400)
        actor, fields = self.member.actor, form.calendar_fields()
        try:
            if calendar is None:
                saved = business_calendar_create(actor=actor, fields=fields)
            else:
                saved = business_calendar_update(calendar_id=calendar.pk, actor=actor, changes=fields)
        except (InvalidInput, Conflict) as problem:
            form.add_faults(_faults(problem))
            return self.page(form, calendar, status=problem.status)
        say(self.request, f"The calendar “{saved.name}” is saved.")
        return redirect(reverse("sla:policies"))


class CalendarCreatePage(CalendarFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(self.form(None), None)

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.save(self.form(None), None)


class CalendarEditPage(CalendarFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, calendar_id: UUID) -> HttpResponse:
        calendar = selectors.get_calendar(calendar_id)
        form = self.form(calendar)
        if not self.member.can(Action.CONFIGURE):
            for field in form.fields.values():
                field.disabled = True
        return self.page(form, calendar)

    def post(self, request: HttpRequest, calendar_id: UUID) -> HttpResponse:
        calendar = selectors.get_calendar(calendar_id)
        return self.save(self.form(calendar), calendar)


class CalendarDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, calendar_id: UUID) -> HttpResponse:
        calendar = selectors.get_calendar(calendar_id)
        try:
            business_calendar_delete(calendar_id=calendar.pk, actor=self.member.actor)
        except Conflict as conflict:
            complain(request, conflict.detail)
            return redirect("sla:calendar", calendar_id=calendar.pk)
        say(request, f"The calendar “{calendar.name}” is deleted.")
        return redirect("sla:policies")

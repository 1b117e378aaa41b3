"""One shift: taking it, asking somebody to take it, or putting somebody else on call."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from incidents.actions.schedule_overrides import shift_take
from incidents.actions.shift_swaps import swap_accept, swap_ask, swap_decline, swap_withdraw
from incidents.models import Schedule
from incidents.portal.schedule_forms import OverrideForm, SwapForm, TakeForm
from incidents.portal.schedule_reads import calendar_shifts, returns_for, worded
from incidents.schedules import selectors
from incidents.schedules.wording import span_words
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem


class ShiftPageView(PortalView):
    """The page of one shift; the address says from when to when, and the schedule who."""

    def page(self, schedule: Schedule, status: int = 200, **extra: Any) -> HttpResponse:
        now, zone, me = timezone.now(), ZoneInfo(schedule.timezone), self.member.user.pk
        start, end = self._span(schedule, now)
        found = calendar_shifts(schedule, start, end)
        users = {shift.user for shift in found.final}
        initial = {"starts_at": max(start, now), "ends_at": end}
        is_mine, is_over = users == {me}, end <= now
        may_take = self.member.can(Action.TAKE_SHIFTS) and not is_over
        context = {
            "schedule": schedule,
            "span": span_words(start, end, zone),
            "lines": worded(found.final, found, zone, me),
            "is_over": is_over,
            "take_form": TakeForm(zone=zone, initial=initial) if may_take and not is_mine else None,
            "swap_form": self._swap_form(schedule, initial) if may_take and me in users and start > now else None,
            "override_form": OverrideForm(zone=zone, initial=initial) if self.member.can(Action.CONFIGURE) else None,
            **extra,
        }
        return render(self.request, "schedules/shift.html", context, status=status)

    def _swap_form(self, schedule: Schedule, initial: dict[str, datetime]) -> SwapForm:
        me = self.member.user.pk
        returns = returns_for(schedule, me, timezone.now())
        return SwapForm(zone=ZoneInfo(schedule.timezone), me=me, returns=returns, initial=initial)

    def _span(self, schedule: Schedule, now: datetime) -> tuple[datetime, datetime]:
        """From the address; without one, the shift that is on now."""
        start, end = (_moment(self.request.GET.get(name, "")) for name in ("from", "to"))
        if start is None or end is None or not start < end <= start + selectors.LONGEST_SPAN:
            [current] = selectors.on_call([schedule], now)
            return current.shift.start, current.shift.end
        return start, end


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None and 2000 <= found.year < 2100 else None


class ShiftPage(ShiftPageView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        return self.page(selectors.get_schedule(schedule_id))


class TakeStep(ShiftPageView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.TAKE_SHIFTS}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        form = TakeForm(request.POST, zone=ZoneInfo(schedule.timezone))
        if form.is_valid():
            try:
                shift_take(schedule_id=schedule_id, actor=self.member.actor, **form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The shift is yours.")
                return redirect("schedules:schedule", schedule_id)
        return self.page(schedule, status=400, take_form=form)


class SwapAskStep(ShiftPageView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.TAKE_SHIFTS}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule, me = selectors.get_schedule(schedule_id), self.member.user.pk
        returns = returns_for(schedule, me, timezone.now())
        form = SwapForm(request.POST, zone=ZoneInfo(schedule.timezone), me=me, returns=returns)
        if form.is_valid():
            try:
                asked = self._ask(schedule_id, form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"{asked} finds your request in the inbox, on the dashboard and on this page.")
                return redirect("schedules:schedule", schedule_id)
        return self.page(schedule, status=400, swap_form=form)

    def _ask(self, schedule_id: UUID, data: dict[str, Any]) -> str:
        asked = UUID(data["asked"]) if data["asked"] else None
        in_return = None
        if data["in_return"]:
            _, start, end = data["in_return"].split("|")
            in_return = (datetime.fromisoformat(start), datetime.fromisoformat(end))
        swap = swap_ask(
            schedule_id=schedule_id,
            actor=self.member.actor,
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            asked=asked,
            in_return=in_return,
            message=data["message"],
        )
        return str(swap.asked) if swap.asked else "Everyone who could take it"


class SwapDecisionStep(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.TAKE_SHIFTS}
    decide: ClassVar[Any]
    words: ClassVar[str]

    def post(self, request: HttpRequest, schedule_id: UUID, swap_id: UUID) -> HttpResponse:
        decide = type(self).decide
        decide(schedule_id=schedule_id, swap_id=swap_id, actor=self.member.actor)
        say(request, self.words)
        return redirect("schedules:schedule", schedule_id)

    def refused(self, problem: Problem) -> HttpResponse:
        if problem.status != 409:
            return super().refused(problem)
        complain(self.request, problem.detail)
        return redirect("schedules:schedule", self.kwargs["schedule_id"])


class SwapAcceptStep(SwapDecisionStep):
    decide = staticmethod(swap_accept)
    words = "The shift is yours; thank you."


class SwapDeclineStep(SwapDecisionStep):
    decide = staticmethod(swap_decline)
    words = "You declined; the shift stays where it is."


class SwapWithdrawStep(SwapDecisionStep):
    decide = staticmethod(swap_withdraw)
    words = "You ask no longer; the shift stays yours."

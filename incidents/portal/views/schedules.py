"""On-call schedules: the list, and one schedule as a calendar with all that can be done on it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import say
from incidents.actions.calendar_feeds import feed_rotate
from incidents.actions.schedule_layers import layer_delete, layer_move
from incidents.actions.schedule_overrides import override_create, override_delete
from incidents.actions.schedules import schedule_create, schedule_delete, schedule_update
from incidents.models import Schedule
from incidents.portal.schedule_calendar import People, Period, View, midnight, period_of, picture
from incidents.portal.schedule_forms import OverrideForm, ScheduleForm
from incidents.portal.schedule_reads import calendar_shifts, change_url, next_shifts, override_lines, swap_lines, worded
from incidents.schedules import selectors
from incidents.schedules.feeds import feed_address
from incidents.schedules.wording import span_words
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem

GAPS_WITHIN = timedelta(days=30)


class ScheduleListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        return schedule_list(self)


def schedule_list(view: PortalView, **extra: Any) -> HttpResponse:
    found, now = list(selectors.schedules()), timezone.now()
    gaps = selectors.gaps(found, now, now + GAPS_WITHIN)
    current = selectors.on_call(found, now)
    shifts = [shift for answer in current for shift in (answer.shift, answer.following) if shift is not None]
    names = selectors.person_names(shift.user for shift in shifts if shift.user is not None)
    me = view.member.user.pk
    context = {
        "rows": [
            {
                "schedule": answer.schedule,
                "who": names.get(answer.shift.user) if answer.shift.user else None,
                "until": answer.shift.end if answer.ends_in_sight else None,
                "next": names.get(answer.following.user) if answer.following and answer.following.user else None,
                "has_next": answer.following is not None,
                "gaps": len(gaps[answer.schedule.pk]),
            }
            for answer in current
        ],
        "mine": next_shifts(me, now),
        "swaps": swap_lines(selectors.waiting_swaps(now), me) if view.member.can(Action.TAKE_SHIFTS) else [],
        "may_configure": view.member.can(Action.CONFIGURE),
        **extra,
    }
    return render(view.request, "schedules/list.html", context)


class PersonFeedStep(PortalView):
    """Makes the address of one's own shifts; it is shown in this answer, and never again."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_CONFIGURATION}

    def post(self, request: HttpRequest) -> HttpResponse:
        issued = feed_rotate(actor=self.member.actor, user_id=self.member.user.pk, schedule=None)
        return schedule_list(self, feed_url=feed_address(None, issued.token))


class ScheduleFormPage(PortalView):
    """What making and changing a schedule share."""

    def page(self, form: ScheduleForm, schedule: Schedule | None, status: int = 200) -> HttpResponse:
        return render(self.request, "schedules/edit.html", {"form": form, "schedule": schedule}, status=status)


class ScheduleCreatePage(ScheduleFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(ScheduleForm(initial={"timezone": self.member.organization.timezone}), None)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ScheduleForm(request.POST)
        if form.is_valid():
            try:
                schedule = schedule_create(actor=self.member.actor, **form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"The schedule “{schedule.name}” is made. Next: who takes turns.")
                return redirect("schedules:layer-create", schedule.pk)
        return self.page(form, None, status=400)


class ScheduleEditPage(ScheduleFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        names = ("name", "description", "timezone")
        return self.page(ScheduleForm(initial={name: getattr(schedule, name) for name in names}), schedule)

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        form = ScheduleForm(request.POST)
        if form.is_valid():
            try:
                schedule_update(schedule_id=schedule_id, actor=self.member.actor, changes=form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The schedule is saved.")
                return redirect("schedules:schedule", schedule_id)
        return self.page(form, schedule, status=400)


class ScheduleDeleteStep(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        name = selectors.get_schedule(schedule_id).name
        schedule_delete(schedule_id=schedule_id, actor=self.member.actor)
        say(request, f"The schedule “{name}” is deleted.")
        return redirect("schedules:list")


class SchedulePageView(PortalView):
    """The page, as it is and as it comes back with a refused form."""

    def page(self, schedule: Schedule, *, status: int = 200, **extra: Any) -> HttpResponse:
        now, zone = timezone.now(), ZoneInfo(schedule.timezone)
        period = self._period(now.astimezone(zone).date())
        start = midnight(period.first, zone)
        end = midnight(period.first + timedelta(days=period.days), zone)
        found = calendar_shifts(schedule, start, end)
        people = People(found.names)
        may_take, may_configure = self.member.can(Action.TAKE_SHIFTS), self.member.can(Action.CONFIGURE)
        [current] = selectors.on_call([schedule], now)
        gaps = selectors.gaps([schedule], now, now + GAPS_WITHIN)[schedule.pk]
        context = {
            "schedule": schedule,
            "picture": picture(period, zone, now, people, found.final, found.layers, partial(change_url, schedule)),
            "is_week": period.view == "week",
            "today_url": self._address(schedule, period.view, None),
            "previous_url": self._address(schedule, period.view, period.previous),
            "next_url": self._address(schedule, period.view, period.next),
            "week_url": self._address(schedule, "week", period.first if period.view == "week" else None),
            "month_url": self._address(schedule, "month", self._day()),
            "shifts": worded([shift for shift in found.final if shift.end > now], found, zone, self.member.user.pk),
            "current": worded([current.shift], found.with_shifts([current.shift]), zone, self.member.user.pk)[0],
            "current_ends": current.ends_in_sight,
            "gaps": [span_words(gap.start, gap.end, zone) for gap in gaps],
            "layers": found.layer_lines(schedule),
            "overrides": override_lines(schedule, now),
            "swaps": swap_lines(selectors.waiting_swaps(now).filter(schedule=schedule), self.member.user.pk),
            "may_take": may_take,
            "may_configure": may_configure,
            "override_form": OverrideForm(zone=zone, initial=self._next_hours(now)) if may_configure else None,
            **extra,
        }
        return render(self.request, "schedules/schedule.html", context, status=status)

    def _next_hours(self, now: datetime) -> dict[str, datetime]:
        hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return {"starts_at": hour, "ends_at": hour + timedelta(hours=8)}

    def _day(self) -> date | None:
        try:
            day = date.fromisoformat(self.request.GET.get("at", ""))
        except ValueError:
            return None
        return day if 2000 <= day.year < 2100 else None

    def _period(self, today: date) -> Period:
        view: View = "month" if self.request.GET.get("view") == "month" else "week"
        return period_of(view, self._day() or today)

    def _address(self, schedule: Schedule, view: View, day: date | None) -> str:
        place = f"&at={day.isoformat()}" if day else ""
        return f"{reverse('schedules:schedule', args=[schedule.pk])}?view={view}{place}"


class SchedulePage(SchedulePageView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        return self.page(selectors.get_schedule(schedule_id))


class ScheduleFeedStep(SchedulePageView):
    """Makes one's address of the schedule for a calendar program; it is shown in this answer, and never again."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_CONFIGURATION}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        issued = feed_rotate(actor=self.member.actor, user_id=self.member.user.pk, schedule=schedule)
        return self.page(schedule, feed_url=feed_address(schedule, issued.token))


class OverrideStep(SchedulePageView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        form = OverrideForm(request.POST, zone=ZoneInfo(schedule.timezone))
        if form.is_valid():
            data = form.cleaned_data
            try:
                override = override_create(
                    schedule_id=schedule_id,
                    actor=self.member.actor,
                    user_id=UUID(data["user"]),
                    starts_at=data["starts_at"],
                    ends_at=data["ends_at"],
                    reason=data["reason"],
                )
            except Problem as problem:
                show_problem(form, problem)
            else:
                undo = reverse("schedules:override-delete", args=[schedule_id, override.pk])
                say(request, f"{override.user} is on call then.", undo_url=undo)
                return redirect("schedules:schedule", schedule_id)
        return self.page(schedule, status=400, override_form=form, open_override_form=True)


class OverrideDeleteStep(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID, override_id: UUID) -> HttpResponse:
        override_delete(schedule_id=schedule_id, override_id=override_id, actor=self.member.actor)
        say(request, "The override is taken back; the layers hold again.")
        return redirect("schedules:schedule", schedule_id)


class LayerMoveStep(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID, layer_id: UUID) -> HttpResponse:
        layer = selectors.get_layer(schedule_id, layer_id)
        step = 1 if request.POST.get("direction") == "down" else -1
        places = [each.pk for each in layer.schedule.layers.order_by("position")]
        place = min(max(places.index(layer_id) + step, 0), len(places) - 1)
        layer_move(schedule_id=schedule_id, layer_id=layer_id, actor=self.member.actor, position=place)
        return redirect("schedules:schedule", schedule_id)


class LayerDeleteStep(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID, layer_id: UUID) -> HttpResponse:
        name = selectors.get_layer(schedule_id, layer_id).name
        layer_delete(schedule_id=schedule_id, layer_id=layer_id, actor=self.member.actor)
        say(request, f"The layer “{name}” is removed.")
        return redirect("schedules:schedule", schedule_id)

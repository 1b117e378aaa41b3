"""The layer editor, with what it would make of the next two weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.portal.notices import say
from incidents.actions.schedule_layers import apply_fields, blank_layer, layer_create, layer_update
from incidents.models import Schedule, ScheduleLayer
from incidents.portal.schedule_calendar import Lane, People, Ruler
from incidents.portal.schedule_forms import LayerForm
from incidents.schedules import selectors
from incidents.schedules.shifts import final_shifts, layer_shifts
from organizations.access import Action
from organizations.portal.base import PortalView

PREVIEW_WEEKS = 2


class LayerFormPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def page(self, schedule: Schedule, layer: ScheduleLayer, form: LayerForm, status: int = 200) -> HttpResponse:
        context = {"schedule": schedule, "layer": layer, "form": form, "is_new": layer.schedule_id is None}
        return render(self.request, "schedules/layer.html", context, status=status)


class LayerCreatePage(LayerFormPage):
    def get(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule, layer = selectors.get_schedule(schedule_id), blank_layer()
        return self.page(schedule, layer, LayerForm(layer=layer, zone=ZoneInfo(schedule.timezone)))

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule, layer = selectors.get_schedule(schedule_id), blank_layer()
        form = LayerForm(request.POST, layer=layer, zone=ZoneInfo(schedule.timezone))
        if form.is_valid():
            try:
                made = layer_create(schedule_id=schedule_id, actor=self.member.actor, fields=form.layer_fields())
            except Problem as problem:
                form.show_problem(problem)
            else:
                say(request, f"The layer “{made.name}” is in force.")
                return redirect("schedules:schedule", schedule_id)
        return self.page(schedule, layer, form, status=400)


class LayerEditPage(LayerFormPage):
    def get(self, request: HttpRequest, schedule_id: UUID, layer_id: UUID) -> HttpResponse:
        layer = selectors.get_layer(schedule_id, layer_id)
        return self.page(layer.schedule, layer, LayerForm(layer=layer, zone=ZoneInfo(layer.schedule.timezone)))

    def post(self, request: HttpRequest, schedule_id: UUID, layer_id: UUID) -> HttpResponse:
        layer = selectors.get_layer(schedule_id, layer_id)
        form = LayerForm(request.POST, layer=layer, zone=ZoneInfo(layer.schedule.timezone))
        if form.is_valid():
            try:
                layer_update(
                    schedule_id=schedule_id, layer_id=layer_id, actor=self.member.actor, changes=form.layer_fields()
                )
            except Problem as problem:
                form.show_problem(problem)
            else:
                say(request, f"The layer “{form.cleaned_data['name']}” is saved.")
                return redirect("schedules:schedule", schedule_id)
        return self.page(layer.schedule, layer, form, status=400)


class LayerPreviewFragment(PortalView):
    """What the layer as it is filled in would say by itself, and what the schedule would say with it; nothing is
    saved.
    """

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, schedule_id: UUID) -> HttpResponse:
        schedule = selectors.get_schedule(schedule_id)
        zone = ZoneInfo(schedule.timezone)
        layer = self._layer(schedule)
        form = LayerForm(request.POST, layer=layer, zone=zone)
        fault = ""
        if form.is_valid():
            try:
                apply_fields(layer, form.layer_fields())
            except InvalidInput as problem:
                fault = problem.detail
        else:
            fault = "Fill in what is missing, and the next two weeks stand here."
        context = {"fault": fault, "lanes": [] if fault else _lanes(schedule, layer, zone)}
        return render(request, "schedules/layer_preview.html", context)

    def _layer(self, schedule: Schedule) -> ScheduleLayer:
        """The layer that is being edited, or a new one."""
        wanted = self.request.POST.get("layer", "")
        for layer in schedule.layers.all():  # type: ignore[attr-defined]
            if str(layer.pk) == wanted:
                return layer  # type: ignore[no-any-return]
        return blank_layer()


def _lanes(schedule: Schedule, layer: ScheduleLayer, zone: ZoneInfo) -> list[Lane]:
    """Two lanes for each of the weeks to come."""
    now = timezone.now()
    today = now.astimezone(zone).date()
    weeks = [Ruler(today + timedelta(weeks=week), 7, zone, now) for week in range(PREVIEW_WEEKS)]
    start, end = weeks[0].start, weeks[-1].end
    saved = selectors.plans([schedule], start, end)[schedule.pk]
    edited = selectors.layer_plan(layer, zone)
    layers = [edited if each.source.id == layer.pk else each for each in saved.layers]
    if edited not in layers:  # It is a new one, below the others.
        layers.append(edited)
    alone = layer_shifts(edited, zone, start, end)
    together = final_shifts(replace(saved, layers=tuple(layers)), start, end)
    named = {user for shift in (*alone, *together) for user in (shift.user, shift.missing) if user is not None}
    people = People(selectors.person_names(named))
    pairs = (("This layer", alone), ("On call", together))
    return [week.lane(name, shifts, people) for week in weeks for name, shifts in pairs]

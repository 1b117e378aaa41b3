"""The pages about alerts: how they are read, heartbeats, and the card on an incident's page."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from detection.actions.alert_mapping import alert_mapping_update
from detection.actions.heartbeats import heartbeat_create, heartbeat_delete, heartbeat_update
from detection.alerts.heartbeats import span
from detection.api.heartbeats import heartbeat_url
from detection.models import Heartbeat
from detection.portal.alert_forms import AlertMappingForm, HeartbeatForm
from detection.selectors import alert_mapping, alerts_of_incident, get_heartbeat, heartbeats
from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.portal.notices import say
from incidents.models import Incident
from organizations.access import Action
from organizations.members import Member
from organizations.portal.base import PortalView

ALERTS_SHOWN = 50


def alerts_card(member: Member, incident: Incident) -> dict[str, Any] | None:
    """What the card on the incident's page shows; nothing where the incident has no alerts."""
    alerts = alerts_of_incident(incident)
    count = alerts.count()
    return {"alerts": list(alerts[:ALERTS_SHOWN]), "count": count} if count else None


def _read_only(form: forms.Form) -> None:
    for field in form.fields.values():
        field.disabled = True


class AlertMappingPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = AlertMappingForm(rule=alert_mapping())
        if not self.member.can(Action.CONFIGURE):
            _read_only(form)
        return self._page(form)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AlertMappingForm(request.POST, rule=alert_mapping())
        if not form.is_valid():
            return self._page(form, status=400)
        try:
            alert_mapping_update(actor=self.member.actor, changes=form.changes())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self._page(form, status=400)
        say(request, "Alerts are read by this from now on.")
        return redirect("detection:alert-mapping")

    def _page(self, form: AlertMappingForm, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "may_configure": self.member.can(Action.CONFIGURE)}
        return render(self.request, "detection/alert_mapping.html", context, status=status)


class HeartbeatListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list(heartbeats().order_by("name", "pk"))
        for heartbeat in rows:
            heartbeat.period = span(heartbeat.period_seconds)  # type: ignore[attr-defined]
        context = {"heartbeats": rows, "may_configure": self.member.can(Action.CONFIGURE)}
        return render(request, "detection/heartbeats.html", context)


class HeartbeatFormPage(PortalView):
    """What making and changing a heartbeat share."""

    def page(self, form: HeartbeatForm, heartbeat: Heartbeat, *, status: int = 200, **extra: Any) -> HttpResponse:
        context = {"form": form, "heartbeat": heartbeat, "may_configure": self.member.can(Action.CONFIGURE), **extra}
        if not extra.get("is_new"):
            url = heartbeat_url(heartbeat)
            context["beat_command"] = f"curl -fsS {url}"
            context["fail_command"] = f'curl -fsS {url}/fail --data-binary "$reason"'
        return render(self.request, "detection/heartbeat.html", context, status=status)


class HeartbeatCreatePage(HeartbeatFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(HeartbeatForm(heartbeat=_blank()), _blank(), is_new=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = HeartbeatForm(request.POST, heartbeat=_blank())
        if not form.is_valid():
            return self.page(form, _blank(), status=400, is_new=True)
        try:
            heartbeat = heartbeat_create(actor=self.member.actor, fields=form.changes())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, _blank(), status=400, is_new=True)
        say(request, f"“{heartbeat.name}” is awaited from its first beat on.")
        return redirect("detection:heartbeat", heartbeat_id=heartbeat.pk)


class HeartbeatEditPage(HeartbeatFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, heartbeat_id: UUID) -> HttpResponse:
        heartbeat = get_heartbeat(heartbeat_id)
        form = HeartbeatForm(heartbeat=heartbeat)
        if not self.member.can(Action.CONFIGURE):
            _read_only(form)
        return self.page(form, heartbeat)

    def post(self, request: HttpRequest, heartbeat_id: UUID) -> HttpResponse:
        heartbeat = get_heartbeat(heartbeat_id)
        form = HeartbeatForm(request.POST, heartbeat=heartbeat)
        if not form.is_valid():
            return self.page(form, heartbeat, status=400)
        try:
            heartbeat_update(heartbeat_id=heartbeat_id, actor=self.member.actor, changes=form.changes())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, heartbeat, status=400)
        say(request, f"“{form.cleaned_data['name']}” is changed.")
        return redirect("detection:heartbeats")


class HeartbeatDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, heartbeat_id: UUID) -> HttpResponse:
        name = get_heartbeat(heartbeat_id).name
        heartbeat_delete(heartbeat_id=heartbeat_id, actor=self.member.actor)
        say(request, f"“{name}” is deleted, and its address is dead.")
        return redirect("detection:heartbeats")


def _blank() -> Heartbeat:
    return Heartbeat(period_seconds=3_600, grace_seconds=300)

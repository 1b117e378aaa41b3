"""The pages of silences and maintenance windows, and the banner on an incident that one of them mutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from detection.actions.silences import apply_fields, silence_create, silence_end, silence_remove, silence_update
from detection.models import Silence, SilenceKind
from detection.portal.silence_forms import SilenceForm, blank_silence
from detection.silences import selectors
from detection.silences.preview import EXAMPLES, preview
from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.portal.notices import say
from incidents.models import Incident
from organizations.access import Action
from organizations.members import Member
from organizations.models import Organization
from organizations.portal.base import PortalView

MUTED_SHOWN = 100
REMARKS = {"ends_soon": "ends soon", "muted_nothing": "muted nothing"}


def mute_banner(member: Member, incident: Incident) -> dict[str, Any] | None:
    """What the banner on the incident's page shows; nothing where nothing mutes it."""
    if not incident.is_muted_at(timezone.now()):
        return None
    return {"silences": selectors.silences_muting(incident), "may_configure": member.can(Action.CONFIGURE)}


@dataclass(frozen=True)
class Row:
    """A silence as the list shows it."""

    silence: Silence
    state: str
    fits: list[str]
    hours: str
    muted_count: int
    remarks: list[str]


def _row(silence: Silence, names: dict[UUID, str]) -> Row:
    now = timezone.now()
    recurrence, count = silence.times.recurrence, silence.muted_count  # type: ignore[attr-defined]
    remarks = [REMARKS[remark] for remark in selectors.remarks(silence, count, now)]
    hours = f"{recurrence.in_words()} ({silence.time_zone})" if recurrence else ""
    return Row(silence, silence.state_at(now), silence.matching.in_words(names), hours, count, remarks)


class SilenceListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        names = selectors.service_names()
        rows = [_row(silence, names) for silence in selectors.silences().order_by("ends_at", "pk")]
        context = {
            "current": [row for row in rows if row.state != "over"],
            "past": [row for row in reversed(rows) if row.state == "over"][:MUTED_SHOWN],
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(request, "detection/silences.html", context)


class SilencePage(PortalView):
    """One silence, and the digest: what it has muted, and what became of that."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest, silence_id: UUID) -> HttpResponse:
        silence = selectors.get_silence(silence_id)
        context = {
            "row": _row(silence, selectors.service_names()),
            "silence": silence,
            "muted": list(selectors.incidents_muted_by(silence)[:MUTED_SHOWN]),
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(request, "detection/silence.html", context)


class _FormPage(PortalView):
    """What making and changing a silence share."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def page(self, form: SilenceForm, silence: Silence, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "silence": silence, "is_new": not silence.reason}
        return render(self.request, "detection/silence_form.html", context, status=status)

    def blank(self, kind: str = "") -> Silence:
        zone = Organization.objects.values_list("timezone", flat=True).get()
        return blank_silence(kind, self.request.user, zone)


class SilenceCreatePage(_FormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        silence = self.blank(request.GET.get("kind", ""))
        return self.page(SilenceForm(silence=silence), silence)

    def post(self, request: HttpRequest) -> HttpResponse:
        silence = self.blank()
        form = SilenceForm(request.POST, silence=silence)
        if not form.is_valid():
            return self.page(form, silence, status=400)
        kind = SilenceKind(form.cleaned_data["kind"])
        try:
            made = silence_create(actor=self.member.actor, kind=kind, fields=form.changes())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, silence, status=400)
        say(request, f"“{made.reason}” is set.")
        return redirect("detection:silence", silence_id=made.pk)


class SilenceEditPage(_FormPage):
    def get(self, request: HttpRequest, silence_id: UUID) -> HttpResponse:
        silence = selectors.get_silence(silence_id)
        return self.page(SilenceForm(silence=silence), silence)

    def post(self, request: HttpRequest, silence_id: UUID) -> HttpResponse:
        silence = selectors.get_silence(silence_id)
        form = SilenceForm(request.POST, silence=silence)
        if not form.is_valid():
            return self.page(form, silence, status=400)
        kind = SilenceKind(silence.kind)
        try:
            silence_update(silence_id=silence_id, actor=self.member.actor, kind=kind, changes=form.changes())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, silence, status=400)
        except Conflict as problem:
            form.add_error(None, problem.detail)
            return self.page(form, silence, status=409)
        say(request, f"“{form.cleaned_data['reason']}” is changed.")
        return redirect("detection:silence", silence_id=silence_id)


class SilenceEnd(PortalView):
    """From the silence's page, or from the banner of an incident, to which it goes back."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, silence_id: UUID) -> HttpResponse:
        silence = selectors.get_silence(silence_id)
        try:
            silence_end(silence_id=silence_id, actor=self.member.actor, kind=SilenceKind(silence.kind))
            say(request, f"“{silence.reason}” is over. What nobody has is told now.")
        except Conflict as problem:
            say(request, problem.detail)
        target = request.POST.get("next", "")
        if target and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
            return redirect(target)
        return redirect("detection:silence", silence_id=silence_id)


class SilenceDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, silence_id: UUID) -> HttpResponse:
        silence = selectors.get_silence(silence_id)
        silence_remove(silence_id=silence_id, actor=self.member.actor, kind=SilenceKind(silence.kind))
        say(request, f"“{silence.reason}” is deleted.")
        return redirect("detection:silences")


class SilencePreviewFragment(_FormPage):
    """What the silence as it is filled in would have fitted; nothing is saved."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest) -> HttpResponse:
        silence = self.blank()
        data = request.POST.copy()
        data["reason"] = data.get("reason") or "preview"  # Written last, and nothing of what is fitted.
        data.setdefault("kind", SilenceKind.SILENCE)
        form = SilenceForm(data, silence=silence)
        context: dict[str, Any] = {"fault": "Fill in what it fits and until when, and the last seven days stand here."}
        if form.is_valid():
            try:
                apply_fields(silence, form.changes(), timezone.now())
                found = preview(silence.matching, silence.times, timezone.now())
                context = {"found": found, "incidents": found.incidents[:EXAMPLES], "alerts": found.alerts[:EXAMPLES]}
            except InvalidInput as problem:
                context = {"fault": problem.detail}
        return render(request, "detection/_silence_preview.html", context)

"""One incident: its page, and what is done on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem
from incident_center.kernel.portal.notices import complain, say
from incidents import selectors
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_assign import incident_assign
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_update import incident_update
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.lifecycle import Status
from incidents.markdown import render_markdown
from incidents.mentions import handle_of, mentionable
from incidents.models import MOST_LINKED_LOGS, EventKind, Incident
from incidents.names import names_for_events
from incidents.portal import reads
from incidents.portal.collaboration_forms import LabelsForm, LinkForm, TaskForm
from incidents.portal.escalation_forms import EscalateForm, RespondersForm
from incidents.portal.escalation_reads import EscalationCard, escalation_card
from incidents.portal.forms import NOBODY, AssignForm, IncidentEditForm, MergeForm, NoteForm, ReasonForm, StatusForm
from incidents.portal.on_call_panels import on_call_for_service
from incidents.portal.panels import panels_of
from incidents.portal.problems import problem_to_form
from incidents.portal.sentences import lines
from incidents.portal.sla_forms import DutyForm, PolicyChoiceForm
from incidents.portal.views.incident_list import way_back
from incidents.sla.selectors import clocks_of
from ingestion.levels import Level
from organizations.access import Action
from organizations.portal.base import PortalView

EVENTS_ON_A_PAGE = 200
LOGS_AROUND = timedelta(minutes=5)
#: What the timeline can be narrowed to.
TIMELINE_FILTERS: dict[str, tuple[str, tuple[EventKind, ...]]] = {
    "notes": ("Notes", (EventKind.NOTE,)),
    "notifications": ("Notifications", (EventKind.NOTIFICATION_SENT, EventKind.NOTIFICATION_FAILED)),
}


class IncidentPageView(PortalView):
    """What the page and its forms share."""

    def incident(self, reference: str) -> Incident:
        return selectors.incident_by_reference(self.member, reference)

    def page(self, incident: Incident, *, status: int = 200, **extra: Any) -> HttpResponse:
        """The incident's page; a refused form is shown on it as it was filled in."""
        facts = self._facts(incident)
        context = (
            facts
            | self._rights(incident)
            | self._calls(incident, facts["escalation"])
            | self._timeline(incident)
            | extra
        )
        return render(self.request, "incidents/detail.html", context, status=status)

    def _facts(self, incident: Incident) -> dict[str, Any]:
        may_read_logs = self.member.can(Action.READ_LOGS)
        logs = list(selectors.linked_logs(incident)) if may_read_logs else []
        for log in logs:
            log.level_name = Level(log.level).name  # type: ignore[attr-defined]
        return {
            "incident": incident,
            "saved_note": self.request.session.pop("saved_note", ""),
            "description": render_markdown(incident.description),
            "logs": logs,
            "logs_url": _logs_url(incident) if may_read_logs else "",
            "shows_sample": incident.log_count > MOST_LINKED_LOGS,
            "merged": list(selectors.merged_incidents(incident)),
            "panels": panels_of(self.request, self.member, incident),
            "banners": panels_of(self.request, self.member, incident, "top"),
            "told": reads.channels_told(incident),
            "also_open": reads.also_open(self.member, incident),
            "clocks": clocks_of(incident),
            **self._collaboration(incident),
            "escalation": escalation_card(incident) if self.member.can(Action.READ_CONFIGURATION) else None,
            "may_configure": self.member.can(Action.CONFIGURE),
            "on_call": on_call_for_service(incident.service_id) if self.member.can(Action.READ_CONFIGURATION) else [],
            "may_read_services": self.member.can(Action.READ_CONFIGURATION),
        }

    def _collaboration(self, incident: Incident) -> dict[str, Any]:
        tasks = list(selectors.tasks(incident))
        left = sum(task.done_at is None for task in tasks)
        followers = list(selectors.followers(incident))
        return {
            "tasks": tasks,
            "tasks_left": f"{left} to do" if tasks else "",
            "links": selectors.linked_incidents(self.member, incident),
            "followers": followers,
            "is_following": any(one.user_id == self.member.user.pk for one in followers),
            "postmortem": selectors.postmortem_of(incident),
            "task_form": TaskForm(auto_id="task-%s"),
            "link_form": LinkForm(auto_id="link-%s"),
            "labels_form": LabelsForm(auto_id="labels-%s", initial={"labels": ", ".join(incident.labels)}),
            "mentionable": [
                {"handle": handle_of(member.user.email), "name": member.user.name} for member in mentionable()
            ]
            if self.member.can(Action.READ_MEMBERS)
            else [],
        }

    def _rights(self, incident: Incident) -> dict[str, Any]:
        """What the person may do now: a button that would be refused is not there."""
        is_open_to_change = incident.withdrawn_at is None and incident.merged_into_id is None
        may_work = is_open_to_change and self.member.can(Action.WORK_INCIDENTS)
        may_direct = is_open_to_change and selectors.may_direct(self.member, incident)
        allowed = incident.allowed_statuses if may_work else ()
        return {
            "may_work": may_work,
            "may_note": is_open_to_change and self.member.can(Action.NOTE_INCIDENTS),
            "may_direct": may_direct,
            "may_unmerge": incident.merged_into_id is not None and selectors.may_direct(self.member, incident),
            "may_withdraw": is_open_to_change and self.member.can(Action.WITHDRAW_INCIDENTS),
            "may_take_evidence": self.member.can(Action.READ_AUDIT),
            "may_take_report": self.member.can(Action.READ_REPORTS),
            "may_acknowledge": may_work and incident.acknowledged_at is None and incident.status != Status.RESOLVED,
            "may_mitigate": Status.MITIGATED in allowed,
            "may_resolve": Status.RESOLVED in allowed,
            "may_go_back": Status.INVESTIGATING in allowed and incident.status != Status.OPEN,
            "may_take": may_work and incident.assignee_id != self.member.user.pk,
            "assign_form": AssignForm(initial={"assignee": str(incident.assignee_id or NOBODY)})
            if may_direct
            else None,
            "merge_form": MergeForm() if may_direct else None,
            "policy_form": PolicyChoiceForm() if may_direct and incident.status != Status.RESOLVED else None,
            "duty_form": DutyForm() if may_direct else None,
        }

    def _calls(self, incident: Incident, card: EscalationCard | None) -> dict[str, Any]:
        """Calling people to the incident, and taking it from whoever has it."""
        if not incident.is_live or not self.member.can(Action.ESCALATE_INCIDENTS):
            return {"escalate_form": None}
        is_anothers = incident.acknowledged_at is not None and incident.acknowledged_by_id != self.member.user.pk
        next_step = card.next_step if card else ""
        return {
            "escalate_form": EscalateForm(auto_id="escalate-%s", next_step=next_step),
            "responders_form": RespondersForm(auto_id="responders-%s"),
            "may_take_over": is_anothers and self.member.can(Action.WORK_INCIDENTS),
        }

    def _timeline(self, incident: Incident) -> dict[str, Any]:
        wanted = self.request.GET.get("timeline", "")
        before = self.request.GET.get("before", "")
        events = selectors.timeline(incident).order_by("-sequence")
        if wanted in TIMELINE_FILTERS:
            events = events.filter(kind__in=TIMELINE_FILTERS[wanted][1])
        if before.isdecimal():
            events = events.filter(sequence__lt=int(before[:9]))
        shown = list(events[: EVENTS_ON_A_PAGE + 1])
        earlier = ""
        if len(shown) > EVENTS_ON_A_PAGE:
            shown.pop()
            query = QueryDict(mutable=True)
            query.update({"timeline": wanted} if wanted else {})
            query["before"] = str(shown[-1].sequence)
            earlier = query.urlencode()
        filters = [("", "All", not wanted)]
        filters += [(name, label, name == wanted) for name, (label, _) in TIMELINE_FILTERS.items()]
        return {
            "lines": lines(shown, names_for_events(shown)),
            "earlier_query": earlier,
            "timeline_filters": filters,
        }


def _logs_url(incident: Incident) -> str:
    """The log explorer at the incident's time."""
    end = incident.resolved_at or min(timezone.now(), incident.last_occurrence_at + LOGS_AROUND)
    query = {
        "from": (incident.first_occurrence_at - LOGS_AROUND).isoformat(),
        "to": (max(end, incident.first_occurrence_at) + LOGS_AROUND).isoformat(),
        "min_level": "WARN",
    }
    if incident.service:
        query |= {"service": incident.service.name, "environment": incident.service.environment}
    return f"{reverse('ingestion:logs')}?{urlencode(query)}"


class IncidentDetailPage(IncidentPageView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_INCIDENTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        return self.page(self.incident(reference))


class IncidentStep(IncidentPageView, ABC):
    """A form on the page: does one thing and goes back to where it was sent from."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.WORK_INCIDENTS}
    form_class: ClassVar[type[forms.Form]] = forms.Form

    def post(self, request: HttpRequest, reference: str, **further: Any) -> HttpResponse:
        """``further`` are other names of the address, for ``act`` to find in ``self.kwargs``."""
        incident = self.incident(reference)
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self.answer_refusal(incident, form, InvalidInput("", _first_error(form)))
        try:
            self.act(incident, form.cleaned_data)
        except (NotFound, Forbidden):
            raise
        except Problem as problem:
            problem_to_form(problem, form)
            return self.answer_refusal(incident, form, problem)
        return redirect(way_back(request, reverse("incidents:detail", args=[incident.reference])))

    @abstractmethod
    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        """What the form asks for, through an action; its refusals are shown on the page."""

    def answer_refusal(self, incident: Incident, form: forms.Form, problem: Problem) -> HttpResponse:
        """Says why it was not done, on the page as it is now."""
        incident.refresh_from_db()
        complain(self.request, problem.detail)
        return self.page(incident, status=problem.status)

    def require_direction(self, incident: Incident) -> None:
        if not selectors.may_direct(self.member, incident):
            raise Forbidden(
                f"Your role ({self.member.role.label}) may {Action.DIRECT_INCIDENTS.value} only where it has the"
                " incident. Acknowledge it, or take it, first."
            )


def _first_error(form: forms.Form) -> str:
    for name, errors in form.errors.items():
        return f"{name.capitalize()}: {errors[0]}"
    return "The form is not complete."


class AcknowledgeStep(IncidentStep):
    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_acknowledge(incident_id=incident.pk, actor=self.member.actor)
        say(self.request, f"You acknowledged {incident.reference}.")


class StatusStep(IncidentStep):
    form_class = StatusForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        status = Status(data["status"])
        incident_change_status(incident_id=incident.pk, actor=self.member.actor, status=status, reason=data["reason"])
        say(self.request, f"{incident.reference} is {status}.")


class AssignStep(IncidentStep):
    form_class = AssignForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        assignee_id = None if data["assignee"] == NOBODY else UUID(data["assignee"])
        if assignee_id != self.member.user.pk:
            self.require_direction(incident)
        changed = incident_assign(incident_id=incident.pk, actor=self.member.actor, assignee_id=assignee_id)
        say(self.request, f"{incident.reference}: {changed.assignee or 'nobody'} has it.")


class NoteStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.NOTE_INCIDENTS}
    form_class = NoteForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_note(incident_id=incident.pk, actor=self.member.actor, body=data["body"])
        self.request.session["saved_note"] = str(incident.pk)

    def answer_refusal(self, incident: Incident, form: forms.Form, problem: Problem) -> HttpResponse:
        incident.refresh_from_db()
        typed = self.request.POST.get("body", "")
        return self.page(incident, status=problem.status, note=typed, note_error=problem.detail)


class MergeStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.DIRECT_INCIDENTS}
    form_class = MergeForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        self.require_direction(incident)
        try:
            target = self.incident(data["into"].strip())
        except NotFound:
            raise InvalidInput("into", "There is no incident with this number.") from None
        incident_merge(incident_id=incident.pk, actor=self.member.actor, into_id=target.pk)
        say(self.request, f"{incident.reference} lives on in {target.reference}.")


class WithdrawStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.WITHDRAW_INCIDENTS}
    form_class = ReasonForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_withdraw(incident_id=incident.pk, actor=self.member.actor, reason=data["reason"])
        say(self.request, f"{incident.reference} is withdrawn; it is kept, and left out of every list.")


class IncidentEditPage(IncidentPageView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.WORK_INCIDENTS, "POST": Action.WORK_INCIDENTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = self.incident(reference)
        return self._page(incident, self._form(incident))

    def post(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = self.incident(reference)
        form = self._form(incident, request.POST)
        if not form.is_valid():
            return self._page(incident, form, status=400)
        changes = dict(form.cleaned_data)
        version = changes.pop("version")
        if "service" in changes:
            changes["service"] = UUID(changes["service"]) if changes["service"] else None
        try:
            incident_update(
                incident_id=incident.pk,
                actor=self.member.actor,
                changes=changes,  # type: ignore[arg-type]
                version=version,
            )
        except Conflict as conflict:
            return self._both_versions(incident, form, conflict)
        except Problem as problem:
            problem_to_form(problem, form)
            return self._page(incident, form, status=problem.status)
        return redirect("incidents:detail", reference=incident.reference)

    def _both_versions(self, incident: Incident, form: IncidentEditForm, conflict: Conflict) -> HttpResponse:
        """What the person typed stays in the fields, what stands there now is said beside it; saving again
        decides.
        """
        conflicts = conflict.members.get("conflicts", {})
        for name, values in conflicts.items():
            if name in form.fields:
                theirs = _words_for(form.fields[name], values["current"])
                form.add_error(name, f"Meanwhile someone changed this to “{theirs}”.")
        if not conflicts:
            form.add_error(None, conflict.detail)
        form.data = {**form.data.dict(), "version": str(conflict.members.get("version", incident.version))}  # type: ignore[attr-defined]
        return self._page(incident, form, status=409, has_conflict=bool(conflicts))

    def _form(self, incident: Incident, *arguments: Any) -> IncidentEditForm:
        may_direct = selectors.may_direct(self.member, incident)
        return IncidentEditForm(*arguments, may_direct=may_direct, incident=incident)

    def _page(
        self, incident: Incident, form: IncidentEditForm, *, status: int = 200, has_conflict: bool = False
    ) -> HttpResponse:
        context = {"incident": incident, "form": form, "has_conflict": has_conflict}
        return render(self.request, "incidents/edit.html", context, status=status)


def _words_for(field: forms.Field, value: str | None) -> str:
    """What the form calls the value: the label of its choice, where the field has choices."""
    choices = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    return choices.get(value or "", value or "")

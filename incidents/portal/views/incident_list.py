"""The list of incidents, opening one, and working on several at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.request import Request

from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from incidents import selectors
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_assign import incident_assign
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_label import incident_label
from incidents.actions.incident_open import incident_open
from incidents.actions.people import service_in_use
from incidents.filters import filtered_incidents, ordering_of, with_sort_keys
from incidents.lifecycle import Priority, Severity, Status
from incidents.models import Incident
from incidents.pagination import IncidentPagination
from incidents.portal.collaboration_forms import SavedViewForm
from incidents.portal.forms import IncidentFilterForm, IncidentForm
from incidents.portal.problems import problem_to_form
from organizations.access import Action, Grant
from organizations.members import Member
from organizations.portal.base import PortalView

NOT_RESOLVED = ",".join(status for status in Status if status is not Status.RESOLVED)
MOST_SEVERE_FIRST = "-severity"
SAVED_VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Not resolved", {}),
    ("Mine", {"assignee": "me"}),
    ("Unassigned", {"assignee": "none"}),
    ("Breaching", {"sla": "due_soon"}),
    ("Resolved this week", {"status": "resolved", "resolved": "week", "ordering": "-opened_at"}),
)
#: What a link to a saved view says; other parameters narrow the view that one is in.
VIEW_PARAMETERS = ("assignee", "status", "resolved", "sla", "ordering")
RESOLVED_WITHIN = timedelta(days=7)


class IncidentListPage(PortalView):
    actions = {"GET": Action.READ_INCIDENTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = request.GET.copy()
        wanted["status"] = wanted.get("status") or NOT_RESOLVED
        wanted["ordering"] = wanted.get("ordering") or MOST_SEVERE_FIRST
        incidents = with_sort_keys(filtered_incidents(self.member, wanted), ordering_of(wanted))
        if wanted.get("resolved") == "week":
            incidents = incidents.filter(resolved_at__gte=timezone.now() - RESOLVED_WITHIN)
        paginator = IncidentPagination(ordering_of(wanted))
        rows = paginator.paginate_queryset(incidents, Request(request), view=self)  # type: ignore[arg-type]
        may_work = self.member.can(Action.WORK_INCIDENTS)
        is_filtered = any(value for name, value in request.GET.items() if name != "ordering")
        context = {
            "incidents": rows,
            "next_url": paginator.get_next_link(),
            "previous_url": paginator.get_previous_link(),
            "views": _saved_views(request.GET, may_work=may_work),
            "own_views": _own_views(self.member, request.GET),
            "view_form": SavedViewForm(initial={"query": request.GET.urlencode()}) if is_filtered else None,
            "form": IncidentFilterForm(request.GET, may_work=may_work),
            "is_filtered": is_filtered,
            "subtitle": _waiting(selectors.open_incident_count(self.member)),
            "may_work": may_work,
            "may_open": self.member.can(Action.OPEN_INCIDENTS),
        }
        return render(request, "incidents/list.html", context)


def _waiting(count: int) -> str:
    if count == 0:
        return "None is open"
    return "1 is not resolved" if count == 1 else f"{count} are not resolved"


def _saved_views(parameters: QueryDict, *, may_work: bool) -> list[dict[str, Any]]:
    """The views to offer; those by assignee only to roles that can be one."""
    here = {name: parameters[name] for name in VIEW_PARAMETERS if parameters.get(name)}
    views = []
    for label, wanted in SAVED_VIEWS:
        if "assignee" in wanted and not may_work:
            continue
        query = QueryDict(mutable=True)
        query.update(wanted)
        views.append({"label": label, "query": query.urlencode(), "is_current": here == wanted})
    return views


def _own_views(member: Member, parameters: QueryDict) -> list[dict[str, Any]]:
    """What people saved: one's own and the shared ones."""
    here = parameters.copy()
    here.pop("cursor", None)
    return [
        {
            "view": view,
            "is_current": view.query == here.urlencode(),
            "may_delete": view.owner_id == member.user.pk or bool(member.can(Action.CONFIGURE)),
        }
        for view in selectors.saved_views(member)
    ]


class IncidentCreatePage(PortalView):
    actions = {"GET": Action.OPEN_INCIDENTS, "POST": Action.OPEN_INCIDENTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {"service": request.GET.get("service", ""), "title": request.GET.get("title", "")}
        return self._page(self._form(initial={**chosen, "severity": Severity.HIGH}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, status=400)
        data = form.cleaned_data
        try:
            opened = incident_open(
                actor=self.member.actor,
                title=data["title"],
                description=data["description"],
                severity=Severity(data["severity"]),
                priority=Priority(data["priority"]) if data["priority"] else None,
                service=service_in_use(UUID(data["service"])) if data["service"] else None,
                assignee_id=UUID(data["assignee"]) if data.get("assignee") else None,
            )
        except Problem as problem:
            problem_to_form(problem, form)
            return self._page(form, status=problem.status)
        say(request, f"{opened.incident.reference} is open.")
        return redirect("incidents:detail", reference=opened.incident.reference)

    def _form(self, *arguments: Any, **keywords: Any) -> IncidentForm:
        may_assign = self.member.may(Action.DIRECT_INCIDENTS) is Grant.YES
        return IncidentForm(*arguments, may_assign=may_assign, **keywords)

    def _page(self, form: IncidentForm, *, status: int = 200) -> HttpResponse:
        return render(self.request, "incidents/create.html", {"form": form}, status=status)


#: What can be done to several incidents at once, and how it is told.
BULK: dict[str, str] = {
    "acknowledge": "acknowledged",
    "take": "taken",
    "resolve": "resolved",
    "label": "labelled",
}


class BulkAction(PortalView):
    """Does one thing to every ticked incident that allows it, and says which did not."""

    actions = {"POST": Action.WORK_INCIDENTS}

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("do", "")
        if wanted not in BULK:
            raise InvalidInput("do", f"Write one of {', '.join(BULK)}.")
        done: list[str] = []
        refused: list[str] = []
        for reference in request.POST.getlist("incident")[:200]:
            try:
                incident = selectors.incident_by_reference(self.member, reference)
                self._do(wanted, incident)
                done.append(incident.reference)
            except Problem as problem:
                refused.append(problem.detail)
        if done:
            say(request, f"{', '.join(done)} {BULK[wanted]}.")
        if refused:
            complain(request, " ".join(dict.fromkeys(refused[:3])))
        return redirect(way_back(request, "incidents:list"))

    def _do(self, wanted: str, incident: Incident) -> None:
        actor = self.member.actor
        match wanted:
            case "acknowledge":
                incident_acknowledge(incident_id=incident.pk, actor=actor)
            case "take":
                incident_assign(incident_id=incident.pk, actor=actor, assignee_id=self.member.user.pk)
            case "resolve":
                incident_change_status(incident_id=incident.pk, actor=actor, status=Status.RESOLVED)
            case "label":
                incident_label(incident_id=incident.pk, actor=actor, add=[self.request.POST.get("label", "")])


def way_back(request: HttpRequest, otherwise: str) -> str:
    """Where the form says that it came from, if that is an address of ours."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if wanted and is_ours else otherwise

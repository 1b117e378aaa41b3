"""Reports: narrowed down on the page, taken as a file."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.portal.notices import say
from incidents import selectors
from incidents.actions.report_files import report_file_request
from incidents.portal.report_forms import ReportFilterForm
from incidents.portal.views.report_schedules import shown_filters
from incidents.reports.download import form_of, incident_download, incidents_download
from incidents.reports.files import file_download, kept_file, kept_files
from incidents.reports.query import ReportQuery, report_query
from organizations.access import Action
from organizations.portal.base import PortalView


class ReportsPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = ReportFilterForm(request.GET)
        found = self._found(form, request.GET)
        parameters = QueryDict(mutable=True)
        for name in form.fields:
            if value := request.GET.get(name):
                parameters[name] = value
        context = {
            "form": form,
            "count": found.incidents.order_by().count() if found else None,
            "carried": parameters.urlencode(),
            **files_context(),
            "query": f"&{parameters.urlencode()}" if parameters else "",
        }
        return render(request, "reports/reports.html", context, status=200 if found else 400)

    def _found(self, form: ReportFilterForm, parameters: QueryDict) -> ReportQuery | None:
        if not form.is_valid():
            return None
        try:
            return report_query(self.member, parameters)
        except InvalidInput as fault:
            for each in fault.members["errors"]:
                form.add_error(each["field"] if each["field"] in form.fields else None, each["message"])
            return None


class IncidentsDownload(PortalView):
    """``format``, ``bom`` and the page's filters; what the API gives, for whoever has a session."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return incidents_download(self.member, request.GET)


class IncidentDownload(PortalView):
    """One incident as PDF/A."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponseBase:
        return incident_download(self.member, selectors.incident_by_reference(self.member, reference))


#: Of the kept reports, on the page; the API has them all.
MOST_FILES = 20


def files_context() -> dict[str, Any]:
    files = list(kept_files()[:MOST_FILES])
    return {"files": files, "under_way": any(file.finished_at is None for file in files)}


class ReportFiles(PortalView):
    """GET is the part of the page that says how far the reports are; POST asks for one."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS, "POST": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "reports/_files.html", files_context())

    def post(self, request: HttpRequest) -> HttpResponse:
        query = request.POST.get("query", "")
        file = report_file_request(member=self.member, form=form_of(request.POST), query=query)
        say(request, f"{file.name} is being made; you are told when it is ready.")
        return redirect("reports:reports")


class ReportFilePage(PortalView):
    """Where the letter about a scheduled report leads: what it is, and the button that takes it."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest, report_file_id: UUID) -> HttpResponse:
        file = kept_file(report_file_id)
        return render(request, "reports/file.html", {"file": file, "filters": shown_filters(file.query)})


class ReportFileDownload(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest, report_file_id: UUID) -> HttpResponseBase:
        return file_download(self.member, report_file_id)

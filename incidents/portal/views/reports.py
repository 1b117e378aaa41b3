"""Reports: narrowed down on the page, taken as a file."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render

from incident_center.kernel.api.problems import InvalidInput
from incidents import selectors
from incidents.portal.report_forms import ReportFilterForm
from incidents.reports.download import incident_download, incidents_download
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

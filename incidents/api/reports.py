"""``/v1/reports``: incidents as files."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from incidents.api.views import IncidentView
from incidents.reports.download import incident_download, incidents_download
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["reports"]


class AsAskedFor(BaseContentNegotiation):
    """What comes is what ``format`` says, whatever ``Accept`` prefers; JSON is for errors."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class IncidentReportView(OrganizationApiView):
    """Incidents as CSV, streamed, or as PDF/A. Takes every filter of the list of incidents as well."""

    actions = {"GET": Action.READ_REPORTS}
    content_negotiation_class = AsAskedFor

    @extend_schema(
        operation_id="v1_reports_incidents_download",
        parameters=[
            OpenApiParameter("format", enum=["csv", "pdf"], default="csv"),
            OpenApiParameter("bom", OpenApiTypes.BOOL, description="A byte order mark, which Excel wants for UTF-8."),
            OpenApiParameter("status", many=True, description="Repeated, or with commas."),
            OpenApiParameter("priority", many=True),
            OpenApiParameter("severity", many=True),
            OpenApiParameter("service", description="A service's id or name."),
            OpenApiParameter("from", description="Opened then or later: a moment with its offset, or a day."),
            OpenApiParameter("to", description="Opened before this moment, or on this day or earlier."),
            OpenApiParameter("startDate", description="The same as from."),
            OpenApiParameter("endDate", description="The same as to."),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
        tags=TAGS,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return incidents_download(self.member, request.query_params)


class SingleReportView(IncidentView):
    """One incident as PDF/A: timeline, people, clocks, logs."""

    actions = {"GET": Action.READ_REPORTS}
    content_negotiation_class = AsAskedFor

    @extend_schema(responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)}, tags=TAGS)
    def get(self, request: Request, reference: str) -> HttpResponseBase:
        return incident_download(self.member, self.incident(reference))

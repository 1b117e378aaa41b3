"""``/v1/reports/files``: reports that a worker makes and that are kept for a while."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incidents.actions.report_files import report_file_request
from incidents.api.reports import TAGS, AsAskedFor
from incidents.reports.files import file_download, kept_file, kept_files
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class ReportFileSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    form = serializers.ChoiceField(choices=["csv", "pdf"])
    query = serializers.CharField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    percent = serializers.IntegerField()
    size = serializers.IntegerField(help_text="In bytes.")
    failure = serializers.CharField(help_text="Why there is no file; empty otherwise.")
    expires_at = serializers.DateTimeField()


class ReportFileRequestSerializer(serializers.Serializer[Any]):
    form = serializers.ChoiceField(choices=["csv", "pdf"], default="csv")
    query = serializers.CharField(
        default="",
        allow_blank=True,
        help_text="The filters of GET /v1/reports/incidents: severity=high&from=2026-01-01",
    )


class _Newest(KeysetPagination):
    ordering = ("-id",)


class ReportFileListView(OrganizationApiView):
    """The reports that are kept; POST asks for another."""

    actions = {"GET": Action.READ_REPORTS, "POST": Action.READ_REPORTS}

    @extend_schema(responses=ReportFileSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = _Newest()
        page = paginator.paginate_queryset(kept_files(), request, self)
        return paginator.get_paginated_response(ReportFileSerializer(page, many=True).data)

    @extend_schema(request=ReportFileRequestSerializer, responses={202: ReportFileSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        wanted = ReportFileRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        file = report_file_request(member=self.member, **wanted.validated_data)
        return Response(ReportFileSerializer(file).data, status=202)


class ReportFileDetailView(OrganizationApiView):
    """How far a report is."""

    actions = {"GET": Action.READ_REPORTS}

    @extend_schema(responses=ReportFileSerializer, tags=TAGS)
    def get(self, request: Request, report_file_id: UUID) -> Response:
        return Response(ReportFileSerializer(kept_file(report_file_id)).data)


class ReportFileContentView(OrganizationApiView):
    """The file itself; 404 before it is finished and after it has expired."""

    actions = {"GET": Action.READ_REPORTS}
    content_negotiation_class = AsAskedFor

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, tags=TAGS)
    def get(self, request: Request, report_file_id: UUID) -> HttpResponseBase:
        return file_download(self.member, report_file_id)

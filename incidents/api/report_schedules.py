"""``/v1/report-schedules``: reports that are made regularly, and told of by e-mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incidents.actions.report_schedules import (
    EDITABLE,
    report_schedule_create,
    report_schedule_delete,
    report_schedule_pause,
    report_schedule_resume,
    report_schedule_update,
)
from incidents.api.reports import TAGS
from incidents.api.schedule_serializers import WeekdayField
from incidents.api.serializers import StrictSerializer
from incidents.models import ReportSchedule
from incidents.models.report import LONGEST_REPORT_QUERY, LONGEST_SCHEDULE_NAME
from incidents.models.report_schedule import LAST_HOUR
from incidents.reports.cadence import LAST_DAY, Every
from incidents.reports.schedules import get_report_schedule, report_schedules
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class ReportScheduleSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=LONGEST_SCHEDULE_NAME)
    form = serializers.ChoiceField(choices=["csv", "pdf"], default="pdf")
    query = serializers.CharField(
        max_length=LONGEST_REPORT_QUERY,
        default="",
        allow_blank=True,
        help_text="The filters of GET /v1/reports/incidents without from and to: severity=high&service=payments",
    )
    every = serializers.ChoiceField(choices=[each.value for each in Every])
    weekday = WeekdayField(required=False, allow_null=True, help_text="For every week.")
    day = serializers.IntegerField(
        min_value=1, max_value=LAST_DAY, required=False, allow_null=True, help_text="Of the month, for every month."
    )
    hour = serializers.IntegerField(
        min_value=0, max_value=LAST_HOUR, help_text="On the clock of the organization's time zone."
    )
    recipients = serializers.ListField(
        child=serializers.UUIDField(), help_text="Ids of members who may read reports; looked at again at each report."
    )
    responsible = serializers.UUIDField(
        source="responsible_id", read_only=True, help_text="The reports have what this person may see."
    )
    is_paused = serializers.BooleanField(required=False, help_text="Write it to pause and to resume.")
    pause_reason = serializers.CharField(read_only=True, help_text="Empty where a person paused it.")
    next_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null while it is paused.")
    last_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)


class ByName(KeysetPagination):
    ordering = ("name", "id")


class ReportScheduleView(OrganizationApiView):
    def values(self, *, partial: bool = False) -> tuple[dict[str, Any], bool | None]:
        """The fields of the body, and whether it is to be paused, where that was written."""
        serializer = ReportScheduleSerializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        written = serializer.validated_data
        return {name: written[name] for name in EDITABLE if name in written}, written.get("is_paused")

    def pause_or_resume(self, schedule: ReportSchedule, is_paused: bool | None) -> ReportSchedule:
        if is_paused is None or is_paused == schedule.is_paused:
            return schedule
        change = report_schedule_pause if is_paused else report_schedule_resume
        return change(schedule_id=schedule.pk, member=self.member)


class ReportScheduleListView(ReportScheduleView):
    """The organization's scheduled reports."""

    actions = {"GET": Action.READ_REPORTS, "POST": Action.SCHEDULE_REPORTS}
    pagination_class = ByName

    @extend_schema(responses=ReportScheduleSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = ByName()
        page = paginator.paginate_queryset(report_schedules(), request, self)
        return paginator.get_paginated_response(ReportScheduleSerializer(page, many=True).data)

    @extend_schema(request=ReportScheduleSerializer, responses={201: ReportScheduleSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        fields, is_paused = self.values()
        schedule = self.pause_or_resume(report_schedule_create(member=self.member, fields=fields), is_paused)
        return Response(ReportScheduleSerializer(schedule).data, status=201)


class ReportScheduleDetailView(ReportScheduleView):
    """One scheduled report. Its own person, a team lead or an owner changes it."""

    actions = {"GET": Action.READ_REPORTS, "PATCH": Action.SCHEDULE_REPORTS, "DELETE": Action.SCHEDULE_REPORTS}

    @extend_schema(responses=ReportScheduleSerializer, tags=TAGS)
    def get(self, request: Request, report_schedule_id: UUID) -> Response:
        return Response(ReportScheduleSerializer(get_report_schedule(report_schedule_id)).data)

    @extend_schema(request=ReportScheduleSerializer(partial=True), responses=ReportScheduleSerializer, tags=TAGS)
    def patch(self, request: Request, report_schedule_id: UUID) -> Response:
        fields, is_paused = self.values(partial=True)
        schedule = get_report_schedule(report_schedule_id)
        if fields:
            schedule = report_schedule_update(schedule_id=report_schedule_id, member=self.member, changes=fields)
        return Response(ReportScheduleSerializer(self.pause_or_resume(schedule, is_paused)).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, report_schedule_id: UUID) -> Response:
        report_schedule_delete(schedule_id=report_schedule_id, member=self.member)
        return Response(status=204)

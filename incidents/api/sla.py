"""Service levels: policies, calendars, violations, and the clocks of an incident."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import InvalidInput
from incidents.actions.business_calendars import (
    business_calendar_create,
    business_calendar_delete,
    business_calendar_update,
)
from incidents.actions.sla_assign import milestone_record, regulatory_start, sla_assign
from incidents.actions.sla_policies import sla_policy_create, sla_policy_remove, sla_policy_update
from incidents.api.serializers import SlaClockSerializer, SlaSummarySerializer
from incidents.api.sla_serializers import (
    BusinessCalendarSerializer,
    MilestoneSerializer,
    SlaAssignSerializer,
    SlaPolicySerializer,
    SlaTemplateSerializer,
    ViolationSerializer,
)
from incidents.api.views import IncidentView
from incidents.filters import moment_of, of_service
from incidents.models import BusinessCalendar, Incident, SlaClock, SlaPolicy
from incidents.sla import selectors
from incidents.sla.regulatory import (
    TEMPLATES,
)
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["sla"]


class ByCreation(KeysetPagination):
    ordering = ("created_at", "id")


class LatestBreachFirst(KeysetPagination):
    ordering = ("-breached_at", "-id")


class ConfigurationView(OrganizationApiView):
    def validated(
        self, serializer_class: type[serializers.Serializer[Any]], *, partial: bool = False
    ) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        if "calendar_id" in values:
            values["calendar"] = values.pop("calendar_id")
        return values


class SlaPolicyListView(ConfigurationView):
    """The organization's SLA policies. A new organization has one; its targets are those of the product."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = ByCreation

    @extend_schema(responses=SlaPolicySerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = ByCreation()
        page = paginator.paginate_queryset(selectors.sla_policies(), request, self)
        return paginator.get_paginated_response(SlaPolicySerializer(page, many=True).data)

    @extend_schema(request=SlaPolicySerializer, responses={201: SlaPolicySerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        fields = self.validated(SlaPolicySerializer)
        if not fields.get("name") and not fields.get("template"):
            raise InvalidInput("name", "Name the policy, or name a template to begin from.")
        policy = sla_policy_create(actor=self.member.actor, fields=fields)
        return Response(SlaPolicySerializer(policy).data, status=201)


class SlaPolicyDetailView(ConfigurationView):
    """One policy. Clocks that run under it are recomputed when it changes; removed, it stays on record."""

    actions = {
        "GET": Action.READ_CONFIGURATION,
        "PATCH": Action.CONFIGURE,
        "PUT": Action.CONFIGURE,
        "DELETE": Action.CONFIGURE,
    }

    @extend_schema(responses=SlaPolicySerializer, tags=TAGS)
    def get(self, request: Request, sla_policy_id: UUID) -> Response:
        return Response(SlaPolicySerializer(selectors.get_policy(sla_policy_id)).data)

    @extend_schema(request=SlaPolicySerializer(partial=True), responses=SlaPolicySerializer, tags=TAGS)
    def patch(self, request: Request, sla_policy_id: UUID) -> Response:
        return self._update(sla_policy_id)

    @extend_schema(request=SlaPolicySerializer, responses=SlaPolicySerializer, tags=TAGS)
    def put(self, request: Request, sla_policy_id: UUID) -> Response:
        """As PATCH."""
        return self._update(sla_policy_id)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, sla_policy_id: UUID) -> Response:
        sla_policy_remove(policy_id=sla_policy_id, actor=self.member.actor)
        return Response(status=204)

    def _update(self, sla_policy_id: UUID) -> Response:
        policy = selectors.get_policy(sla_policy_id)
        changes = self.validated(SlaPolicySerializer, partial=True)
        if "template" in changes or changes.get("kind", policy.kind) != policy.kind:
            raise InvalidInput("kind", "A policy keeps its kind; make another one.")
        policy = sla_policy_update(policy_id=sla_policy_id, actor=self.member.actor, changes=changes)
        return Response(SlaPolicySerializer(policy).data)


class SlaTemplateView(ConfigurationView):
    """The reporting duties that a policy can begin from, with the articles that they come from."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(responses=SlaTemplateSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        templates = [
            {
                "template": one.slug,
                "name": one.name,
                "description": one.description,
                "source": one.source,
                "milestones": one.stored_milestones(),
            }
            for one in TEMPLATES
        ]
        return Response(SlaTemplateSerializer(templates, many=True).data)


class BusinessCalendarListView(ConfigurationView):
    """The calendars that policies count by."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = ByCreation

    @extend_schema(responses=BusinessCalendarSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = ByCreation()
        page = paginator.paginate_queryset(BusinessCalendar.objects.all(), request, self)
        return paginator.get_paginated_response(BusinessCalendarSerializer(page, many=True).data)

    @extend_schema(request=BusinessCalendarSerializer, responses={201: BusinessCalendarSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        fields = self.validated(BusinessCalendarSerializer)
        calendar = business_calendar_create(actor=self.member.actor, fields=fields)
        return Response(BusinessCalendarSerializer(calendar).data, status=201)


class BusinessCalendarDetailView(ConfigurationView):
    """One calendar. Clocks that run keep the hours with which they were started."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=BusinessCalendarSerializer, tags=TAGS)
    def get(self, request: Request, calendar_id: UUID) -> Response:
        return Response(BusinessCalendarSerializer(selectors.get_calendar(calendar_id)).data)

    @extend_schema(request=BusinessCalendarSerializer(partial=True), responses=BusinessCalendarSerializer, tags=TAGS)
    def patch(self, request: Request, calendar_id: UUID) -> Response:
        selectors.get_calendar(calendar_id)
        changes = self.validated(BusinessCalendarSerializer, partial=True)
        calendar = business_calendar_update(calendar_id=calendar_id, actor=self.member.actor, changes=changes)
        return Response(BusinessCalendarSerializer(calendar).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, calendar_id: UUID) -> Response:
        business_calendar_delete(calendar_id=calendar_id, actor=self.member.actor)
        return Response(status=204)


class ViolationListView(OrganizationApiView):
    """Every promise that was not kept, the latest first; withdrawn and merged incidents are left out."""

    actions = {"GET": Action.READ_REPORTS}
    pagination_class = LatestBreachFirst

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", enum=SlaClock.Kind.values),
            OpenApiParameter("service", description="A service's id or name."),
            OpenApiParameter("policy", description="A policy's id."),
            OpenApiParameter("from", description="Breached at this time or later."),
            OpenApiParameter("to", description="Breached before this time."),
        ],
        responses=ViolationSerializer(many=True),
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        paginator = LatestBreachFirst()
        page = paginator.paginate_queryset(filtered_violations(request.query_params), request, self)
        return paginator.get_paginated_response(ViolationSerializer(page, many=True).data)


def filtered_violations(parameters: Any) -> QuerySet[SlaClock]:
    """Raises InvalidInput, which names the parameter and what would be right."""
    found = selectors.violations()
    if kind := parameters.get("kind", ""):
        if kind not in SlaClock.Kind.values:
            raise InvalidInput("kind", f"Write one of {', '.join(SlaClock.Kind.values)}.")
        found = found.filter(kind=kind)
    if service := parameters.get("service", ""):
        found = found.filter(of_service(service, "incident__service"))
    if policy := parameters.get("policy", ""):
        try:
            found = found.filter(policy_id=UUID(policy))
        except ValueError as error:
            raise InvalidInput("policy", "Write a policy's id.") from error
    if since := moment_of(parameters, "from"):
        found = found.filter(breached_at__gte=since)
    if until := moment_of(parameters, "to"):
        found = found.filter(breached_at__lt=until)
    return found


class IncidentSlaView(IncidentView):
    """The clocks of an incident. POST holds it to another policy, or starts the clocks of a reporting duty."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.DIRECT_INCIDENTS}

    @extend_schema(responses=SlaSummarySerializer, tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        return self._clocks(self.incident(reference))

    @extend_schema(request=SlaAssignSerializer, responses=SlaSummarySerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(SlaAssignSerializer)
        self.require_direction(incident)
        policy_id = data["policy"]
        is_duty = SlaPolicy.objects.filter(pk=policy_id, kind=SlaPolicy.Kind.REGULATORY).exists()
        if is_duty:
            regulatory_start(
                incident_id=incident.pk,
                actor=self.member.actor,
                policy_id=policy_id,
                aware_at=data.get("aware_at"),
                classified_at=data.get("classified_at"),
            )
        else:
            sla_assign(incident_id=incident.pk, actor=self.member.actor, policy_id=policy_id)
        return self._clocks(incident)

    def _clocks(self, incident: Incident) -> Response:
        summary = selectors.summary(selectors.clocks_of(incident), timezone.now())
        empty: dict[str, Any] = {
            "state": "cancelled",
            "next_due_at": None,
            "response": None,
            "resolution": None,
            "milestones": [],
        }
        return Response(SlaSummarySerializer(summary or empty).data)


class MilestoneRecordView(IncidentView):
    """Records that a report of a duty was made, with what proves it."""

    actions = {"POST": Action.WORK_INCIDENTS}

    @extend_schema(request=MilestoneSerializer, responses=SlaClockSerializer, tags=TAGS)
    def post(self, request: Request, reference: str, clock_id: UUID) -> Response:
        incident = self.incident(reference)
        data = self.validated(MilestoneSerializer)
        clock = milestone_record(
            incident_id=incident.pk,
            clock_id=clock_id,
            actor=self.member.actor,
            evidence=data["evidence"],
            at=data.get("at"),
        )
        return Response(SlaClockSerializer(selectors.describe(clock, timezone.now())).data)

"""Routes: which changes are told where, and the simulator."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import InvalidInput
from incidents.api.escalation_serializers import RecipientsField
from incidents.api.serializers import SEVERITIES, StrictSerializer
from incidents.escalation.options import known_targets
from incidents.lifecycle import Severity
from incidents.selectors import incident_by_reference
from notifications import selectors
from notifications.actions.routes import route_create, route_delete, route_update
from notifications.api.serializers import TOPIC_CHOICES
from notifications.api.views import validated
from notifications.models import Route
from notifications.routing.plan import Case
from notifications.routing.simulation import Simulation, simulate
from notifications.topics import Topic
from organizations.access import Action
from organizations.api.base import OrganizationApiView
from organizations.members import Member
from organizations.selectors import get_service


class InOrder(KeysetPagination):
    ordering = ("position", "id")


class RouteTargetSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="channel, user, team or schedule")
    id = serializers.UUIDField()
    name = serializers.CharField(allow_null=True, help_text="null: it is not there any more.")


class RouteSerializer(serializers.ModelSerializer[Route]):
    """An empty list of conditions fits everything. Routes are looked at in the order of ``position``."""

    severities = serializers.ListField(child=serializers.ChoiceField(choices=SEVERITIES))
    targets = serializers.SerializerMethodField()

    class Meta:
        model = Route
        fields = [
            "id", "name", "position", "enabled", "services", "environments", "severities", "teams", "events",
            "targets", "stops", "created_at",
        ]  # fmt: skip

    def get_targets(self, route: Route) -> list[dict[str, Any]]:
        known = self.context["known_targets"]
        named = [{**aim.as_data(), "name": known[aim.kind].get(aim.id)} for aim in route.aims]
        return [dict(RouteTargetSerializer(each).data) for each in named]


class RouteWriteSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    targets = RecipientsField(help_text='Whom it tells: [{"type": "channel|user|team|schedule", "id": "…"}].')
    services = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=200)
    environments = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=50)
    severities = serializers.ListField(child=serializers.ChoiceField(choices=SEVERITIES), required=False)
    teams = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100)
    events = serializers.ListField(child=serializers.ChoiceField(choices=TOPIC_CHOICES), required=False)
    stops = serializers.BooleanField(required=False, help_text="What fits here is not shown to later routes.")
    enabled = serializers.BooleanField(required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=10_000)


class SimulateSerializer(StrictSerializer):
    """An incident (id or number) as it is, or one that is supposed."""

    incident = serializers.CharField(max_length=64, required=False)
    service = serializers.UUIDField(required=False, allow_null=True)
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    event = serializers.ChoiceField(choices=TOPIC_CHOICES, required=False)


class ConsideredSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="route.pk")
    name = serializers.CharField(source="route.name")
    outcome = serializers.ChoiceField(choices=["matched", "not_matched", "not_reached"])
    reason = serializers.CharField()


class TellingSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    who = serializers.CharField()
    by = serializers.CharField(help_text="Empty: the inbox only.")
    why = serializers.CharField()


class SimulationSerializer(serializers.Serializer[Simulation]):
    """What would happen now, as long as nobody acknowledges; nothing is sent."""

    routes = ConsideredSerializer(source="routes.considered", many=True)
    notified = TellingSerializer(source="tellings", many=True)
    gaps = serializers.ListField(child=serializers.CharField(), help_text="What leads to nobody.")


def supposed_case(member: Member, values: dict[str, Any]) -> Case:
    """The case that the values describe. Raises NotFound, InvalidInput."""
    topic = Topic(values.get("event") or Topic.OPENED)
    if values.get("incident"):
        return Case.of(incident_by_reference(member, values["incident"]), topic)
    if "service" not in values and "severity" not in values:
        raise InvalidInput("incident", "Name an incident, or suppose one by its service and severity.")
    service = get_service(values["service"]) if values.get("service") else None
    return Case(topic, values.get("severity") or Severity.HIGH.value, service)


def route_document(route: Route) -> dict[str, Any]:
    return dict(RouteSerializer(route, context={"known_targets": known_targets()}).data)


class RouteListView(OrganizationApiView):
    """The routes in their order."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = InOrder

    @extend_schema(responses=RouteSerializer(many=True), tags=["routes"])
    def get(self, request: Request) -> Response:
        paginator = InOrder()
        page: Any = paginator.paginate_queryset(selectors.routes(), request, self)
        context = {"known_targets": known_targets()}
        return paginator.get_paginated_response(RouteSerializer(page, many=True, context=context).data)

    @extend_schema(request=RouteWriteSerializer, responses={201: RouteSerializer}, tags=["routes"])
    def post(self, request: Request) -> Response:
        route = route_create(actor=self.member.actor, values=validated(RouteWriteSerializer, request.data))
        return Response(route_document(route), status=201)


class RouteDetailView(OrganizationApiView):
    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=RouteSerializer, tags=["routes"])
    def get(self, request: Request, route_id: UUID) -> Response:
        return Response(route_document(selectors.get_route(route_id)))

    @extend_schema(request=RouteWriteSerializer(partial=True), responses=RouteSerializer, tags=["routes"])
    def patch(self, request: Request, route_id: UUID) -> Response:
        values = validated(RouteWriteSerializer, request.data, partial=True)
        return Response(route_document(route_update(actor=self.member.actor, route_id=route_id, values=values)))

    @extend_schema(request=None, responses={204: None}, tags=["routes"])
    def delete(self, request: Request, route_id: UUID) -> Response:
        route_delete(actor=self.member.actor, route_id=route_id)
        return Response(status=204)


class RoutesSimulateView(OrganizationApiView):
    """Who would be told of an incident, by what, when, and why: by routes, escalation and each person's rules."""

    actions = {"POST": Action.READ_CONFIGURATION}

    @extend_schema(request=SimulateSerializer, responses=SimulationSerializer, tags=["routes"])
    def post(self, request: Request) -> Response:
        case = supposed_case(self.member, validated(SimulateSerializer, request.data))
        return Response(SimulationSerializer(simulate(case, timezone.now())).data)


class RouteSimulateView(OrganizationApiView):
    """The same for one route alone, also where it is switched off."""

    actions = {"POST": Action.READ_CONFIGURATION}

    @extend_schema(
        request=SimulateSerializer, responses=SimulationSerializer, tags=["routes"], operation_id="simulate_one_route"
    )
    def post(self, request: Request, route_id: UUID) -> Response:
        route = selectors.get_route(route_id)
        case = supposed_case(self.member, validated(SimulateSerializer, request.data))
        return Response(SimulationSerializer(simulate(case, timezone.now(), only=route.pk)).data)

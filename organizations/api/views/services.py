"""Services, their keys, the organization's gateway keys, and teams."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from organizations import selectors, service_extensions
from organizations.access import Action
from organizations.actions.keys import key_create, key_revoke, key_rotate
from organizations.actions.services import service_create, service_retire, service_update
from organizations.actions.teams import team_create, team_delete, team_update
from organizations.api.base import OrganizationApiView
from organizations.api.serializers import (
    IssuedKeySerializer,
    KeyCreateSerializer,
    KeyRotateSerializer,
    KeySerializer,
    ServiceSerializer,
    TeamSerializer,
)
from organizations.api.views.organization import paginated
from organizations.models import Service

READ_AND_CONFIGURE = {
    "GET": Action.READ_CONFIGURATION,
    "POST": Action.CONFIGURE,
    "PATCH": Action.CONFIGURE,
    "DELETE": Action.CONFIGURE,
}


class ByName(KeysetPagination):
    ordering = ("name", "pk")


class NewestFirst(KeysetPagination):
    ordering = ("-created_at", "-pk")


class ServiceListView(OrganizationApiView):
    """The services in use."""

    actions = {method: READ_AND_CONFIGURE[method] for method in ("GET", "POST")}
    pagination_class = ByName

    @extend_schema(responses=ServiceSerializer(many=True), tags=["services"])
    def get(self, request: Request) -> Response:
        return paginated(self, selectors.services(), ServiceSerializer, ByName())

    @extend_schema(request=ServiceSerializer, responses={201: ServiceSerializer}, tags=["services"])
    def post(self, request: Request) -> Response:
        serializer = ServiceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        service = service_create(actor=self.member.actor, **service_extensions.separated(serializer.validated_data))
        return Response(ServiceSerializer(service).data, status=201)


class ServiceDetailView(OrganizationApiView):
    """One service. DELETE retires it: its keys die, its logs and incidents stay."""

    actions = {method: READ_AND_CONFIGURE[method] for method in ("GET", "PATCH", "DELETE")}

    @extend_schema(responses=ServiceSerializer, tags=["services"])
    def get(self, request: Request, service_id: UUID) -> Response:
        return Response(ServiceSerializer(selectors.get_service(service_id)).data)

    @extend_schema(request=ServiceSerializer(partial=True), responses=ServiceSerializer, tags=["services"])
    def patch(self, request: Request, service_id: UUID) -> Response:
        serializer = ServiceSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        service = service_update(service_id=service_id, actor=self.member.actor, changes=serializer.validated_data)
        return Response(ServiceSerializer(service).data)

    @extend_schema(responses={204: None}, tags=["services"])
    def delete(self, request: Request, service_id: UUID) -> Response:
        service_retire(service_id=service_id, actor=self.member.actor)
        return Response(status=204)


class KeyView(OrganizationApiView):
    """The base of the key endpoints: of one service, or, without ``service_id``, of the organization's gateways."""

    def holder(self, keywords: dict[str, Any]) -> Service | None:
        return selectors.get_service(keywords["service_id"]) if "service_id" in keywords else None


class KeyListView(KeyView):
    """A service's keys (or the gateway keys). POST answers with the key itself, this once."""

    actions = {method: READ_AND_CONFIGURE[method] for method in ("GET", "POST")}
    pagination_class = NewestFirst

    @extend_schema(responses=KeySerializer(many=True), tags=["keys"])
    def get(self, request: Request, **keywords: Any) -> Response:
        return paginated(self, selectors.keys_of(self.holder(keywords)), KeySerializer, NewestFirst())

    @extend_schema(request=KeyCreateSerializer, responses={201: IssuedKeySerializer}, tags=["keys"])
    def post(self, request: Request, **keywords: Any) -> Response:
        service = self.holder(keywords)
        serializer = KeyCreateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        issued = key_create(
            actor=self.member.actor, user_id=self.member.user.pk, service=service, **serializer.validated_data
        )
        return Response(IssuedKeySerializer(issued).data, status=201)


class KeyDetailView(KeyView):
    """DELETE revokes the key at once."""

    actions = {"DELETE": Action.CONFIGURE}

    @extend_schema(responses={204: None}, tags=["keys"])
    def delete(self, request: Request, key_id: UUID, **keywords: Any) -> Response:
        key_revoke(key_id=key_id, service=self.holder(keywords), actor=self.member.actor)
        return Response(status=204)


class KeyRotateView(KeyView):
    """A new key in the place of an old one, which lives on for the overlap."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=KeyRotateSerializer, responses={201: IssuedKeySerializer}, tags=["keys"])
    def post(self, request: Request, key_id: UUID, **keywords: Any) -> Response:
        service = self.holder(keywords)
        serializer = KeyRotateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        issued = key_rotate(
            key_id=key_id,
            service=service,
            actor=self.member.actor,
            user_id=self.member.user.pk,
            overlap_hours=serializer.validated_data["overlap_hours"],
        )
        return Response(IssuedKeySerializer(issued).data, status=201)


class TeamListView(OrganizationApiView):
    """The organization's teams."""

    actions = {method: READ_AND_CONFIGURE[method] for method in ("GET", "POST")}
    pagination_class = ByName

    @extend_schema(responses=TeamSerializer(many=True), tags=["teams"])
    def get(self, request: Request) -> Response:
        return paginated(self, selectors.teams(), TeamSerializer, ByName())

    @extend_schema(request=TeamSerializer, responses={201: TeamSerializer}, tags=["teams"])
    def post(self, request: Request) -> Response:
        serializer = TeamSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        team = team_create(actor=self.member.actor, **serializer.validated_data)
        return Response(TeamSerializer(selectors.get_team(team.pk)).data, status=201)


class TeamDetailView(OrganizationApiView):
    """One team and its members."""

    actions = {method: READ_AND_CONFIGURE[method] for method in ("GET", "PATCH", "DELETE")}

    @extend_schema(responses=TeamSerializer, tags=["teams"])
    def get(self, request: Request, team_id: UUID) -> Response:
        return Response(TeamSerializer(selectors.get_team(team_id)).data)

    @extend_schema(request=TeamSerializer(partial=True), responses=TeamSerializer, tags=["teams"])
    def patch(self, request: Request, team_id: UUID) -> Response:
        serializer = TeamSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        team_update(team_id=team_id, actor=self.member.actor, changes=serializer.validated_data)
        return Response(TeamSerializer(selectors.get_team(team_id)).data)

    @extend_schema(responses={204: None}, tags=["teams"])
    def delete(self, request: Request, team_id: UUID) -> Response:
        team_delete(team_id=team_id, actor=self.member.actor)
        return Response(status=204)

"""Heartbeats: ``/v1/heartbeats/{token}`` for jobs, ``/v1/heartbeat-monitors`` for people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from detection.actions.heartbeats import (
    ACTOR,
    hash_token,
    heartbeat_beat,
    heartbeat_create,
    heartbeat_delete,
    heartbeat_fail,
    heartbeat_update,
)
from detection.models import Heartbeat, HeartbeatState
from detection.selectors import get_heartbeat, heartbeat_by_token, heartbeats
from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import organization_scope
from incidents.lifecycle import Severity
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["heartbeats"]
#: Of what a failing job says, in bytes.
REPORT_BYTES = 20_000


class BeatView(APIView):
    """The secret in the address is the credential, and all that it opens is this beat."""

    authentication_classes: Any = []
    permission_classes: Any = [AllowAny]
    parser_classes: Any = []

    @extend_schema(operation_id="heartbeat_beat", tags=["Intake"], request=None, responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, token: str) -> Response:
        """It lives."""
        return self.act(token)

    @extend_schema(
        operation_id="heartbeat_beat_post", tags=["Intake"], request=None, responses={200: OpenApiTypes.OBJECT}
    )
    def post(self, request: Request, token: str) -> Response:
        """It lives."""
        return self.act(token)

    def act(self, token: str) -> Response:
        found = heartbeat_by_token(hash_token(token))
        if found is None:
            raise NotFound()
        organization_id, heartbeat_id = found
        with organization_scope(organization_id, actor=ACTOR):
            self.beat(heartbeat_id)
        return Response({"status": "ok"})

    def beat(self, heartbeat_id: UUID) -> None:
        heartbeat_beat(heartbeat_id=heartbeat_id)


class FailView(BeatView):
    """What the beat stands for failed: an incident is opened at once. A POST's body is kept as the reason."""

    @extend_schema(operation_id="heartbeat_fail", tags=["Intake"], request=None, responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, token: str) -> Response:
        return self.act(token)

    @extend_schema(
        operation_id="heartbeat_fail_post",
        tags=["Intake"],
        request={"text/plain": OpenApiTypes.STR},
        responses={200: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, token: str) -> Response:
        return self.act(token)

    def beat(self, heartbeat_id: UUID) -> None:
        http = self.request._request
        said = http.read(REPORT_BYTES).decode("utf-8", "replace") if http.method == "POST" else ""
        heartbeat_fail(heartbeat_id=heartbeat_id, said=said)


class HeartbeatSerializer(serializers.Serializer[Heartbeat]):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=200)
    service = serializers.UUIDField(source="service.public_id", required=False, allow_null=True)
    service_name = serializers.CharField(source="service.name", read_only=True, allow_null=True, default=None)
    severity = serializers.ChoiceField(choices=[severity.value for severity in Severity], required=False)
    period_seconds = serializers.IntegerField(help_text="A beat is expected so often.")
    grace_seconds = serializers.IntegerField(required=False, help_text="So much later it is late. 60 unless given.")
    enabled = serializers.BooleanField(required=False)
    url = serializers.SerializerMethodField(help_text="Where it beats: GET, HEAD or POST; with /fail it reports.")
    state = serializers.ChoiceField(choices=HeartbeatState.choices, read_only=True)
    last_beat_at = serializers.DateTimeField(read_only=True, allow_null=True)
    due_at = serializers.DateTimeField(read_only=True, allow_null=True)
    beat_count = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    def get_url(self, heartbeat: Heartbeat) -> str:
        return heartbeat_url(heartbeat)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in data.keys() - self.fields.keys())
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(unknown, "A heartbeat has no such field."))
        values = super().to_internal_value(data)
        if "service" in values:  # DRF nests what ``source`` names.
            values["service"] = values["service"]["public_id"]
        return values

    def to_representation(self, instance: Heartbeat) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown.setdefault("service", None)
        return shown


def heartbeat_url(heartbeat: Heartbeat) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{heartbeat.path}"


class HeartbeatPagination(KeysetPagination):
    ordering = ("created_at", "id")


class HeartbeatView(OrganizationApiView):
    def validated(self, *, partial: bool) -> Any:
        serializer = HeartbeatSerializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class HeartbeatListView(HeartbeatView):
    """What has to report at regular intervals."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = HeartbeatPagination

    @extend_schema(responses=HeartbeatSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = HeartbeatPagination()
        page = paginator.paginate_queryset(heartbeats(), request, self)
        return paginator.get_paginated_response(HeartbeatSerializer(page, many=True).data)

    @extend_schema(request=HeartbeatSerializer, responses={201: HeartbeatSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        heartbeat = heartbeat_create(actor=self.member.actor, fields=self.validated(partial=False))
        return Response(HeartbeatSerializer(heartbeat).data, status=201)


class HeartbeatDetailView(HeartbeatView):
    """One heartbeat. Deleted, its address is dead at once."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=HeartbeatSerializer, tags=TAGS)
    def get(self, request: Request, heartbeat_id: UUID) -> Response:
        return Response(HeartbeatSerializer(get_heartbeat(heartbeat_id)).data)

    @extend_schema(request=HeartbeatSerializer(partial=True), responses=HeartbeatSerializer, tags=TAGS)
    def patch(self, request: Request, heartbeat_id: UUID) -> Response:
        get_heartbeat(heartbeat_id)
        changes = self.validated(partial=True)
        heartbeat = heartbeat_update(heartbeat_id=heartbeat_id, actor=self.member.actor, changes=changes)
        return Response(HeartbeatSerializer(heartbeat).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, heartbeat_id: UUID) -> Response:
        heartbeat_delete(heartbeat_id=heartbeat_id, actor=self.member.actor)
        return Response(status=204)

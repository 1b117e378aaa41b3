"""Alerts for people: those of an incident, and the rule by which they are read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from detection.actions.alert_mapping import alert_mapping_update
from detection.models import Alert, AlertMapping, AlertStatus
from detection.selectors import alert_mapping, alerts_of_incident
from incident_center.kernel.api.pagination import KeysetPagination
from incidents.lifecycle import Severity
from incidents.selectors import incident_by_reference
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["alerts"]


class AlertSerializer(serializers.ModelSerializer[Alert]):
    id = serializers.UUIDField(read_only=True)
    incident = serializers.UUIDField(source="incident_id", read_only=True, allow_null=True)
    source = serializers.CharField(source="group.source", read_only=True)  # type: ignore[assignment]
    group = serializers.CharField(source="group.problem", read_only=True, help_text="Group key or dedup_key, as sent.")
    service = serializers.UUIDField(source="service.public_id", read_only=True, allow_null=True, default=None)
    service_name = serializers.CharField(source="service.name", read_only=True, allow_null=True, default=None)
    environment = serializers.CharField(source="service.environment", read_only=True, allow_null=True, default=None)
    status = serializers.ChoiceField(choices=AlertStatus.choices, read_only=True)
    severity = serializers.ChoiceField(choices=[severity.value for severity in Severity], read_only=True)
    labels = serializers.DictField(read_only=True)
    details = serializers.DictField(read_only=True)
    links = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id",
            "incident",
            "source",
            "group",
            "fingerprint",
            "status",
            "severity",
            "title",
            "description",
            "service",
            "service_name",
            "environment",
            "labels",
            "details",
            "links",
            "starts_at",
            "ends_at",
            "first_received_at",
            "last_received_at",
            "resolved_at",
            "received_count",
            "firing_count",
        ]
        read_only_fields = fields


class AlertPagination(KeysetPagination):
    ordering = ("-id",)


class IncidentAlertsView(OrganizationApiView):
    """The alerts of an incident, newest first, with those of incidents that were merged into it."""

    actions = {"GET": Action.READ_INCIDENTS}
    pagination_class = AlertPagination

    @extend_schema(operation_id="incident_alerts", responses=AlertSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        incident = incident_by_reference(self.member, reference)
        paginator = AlertPagination()
        page = paginator.paginate_queryset(alerts_of_incident(incident), request, self)
        return paginator.get_paginated_response(AlertSerializer(page, many=True).data)


class AlertMappingSerializer(serializers.Serializer[AlertMapping]):
    service_labels = serializers.ListField(
        child=serializers.CharField(), help_text="The first of these labels that an alert has names its service."
    )
    environment_labels = serializers.ListField(child=serializers.CharField())
    severity_labels = serializers.ListField(child=serializers.CharField())
    services = serializers.DictField(
        child=serializers.CharField(), help_text="What a sender calls a service: the service's name here."
    )
    severities = serializers.DictField(
        child=serializers.CharField(), help_text="A sender's word: critical, high, medium or low."
    )
    default_severity = serializers.ChoiceField(choices=[severity.value for severity in Severity])
    default_environment = serializers.CharField()
    creates_services = serializers.BooleanField(help_text="Whether a service that nobody knows is made, up to the cap.")
    group_by = serializers.ListField(
        child=serializers.CharField(), help_text="Labels that make one incident of what comes by /api/v2/alerts."
    )
    rejoin_minutes = serializers.IntegerField(help_text="What fires again this soon reopens its incident.")
    storm_problems = serializers.IntegerField(help_text="Beyond so many new problems a minute, one incident takes all.")
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(str(name) for name in data.keys() - self.fields.keys())):
            raise serializers.ValidationError(dict.fromkeys(unknown, "The mapping has no such field."))
        return super().to_internal_value(data)


class AlertMappingView(OrganizationApiView):
    """Which labels name service and environment, and which word means which severity."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "PUT": Action.CONFIGURE}

    @extend_schema(responses=AlertMappingSerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        return Response(AlertMappingSerializer(alert_mapping()).data)

    @extend_schema(request=AlertMappingSerializer(partial=True), responses=AlertMappingSerializer, tags=TAGS)
    def patch(self, request: Request) -> Response:
        return self._change(partial=True)

    @extend_schema(request=AlertMappingSerializer, responses=AlertMappingSerializer, tags=TAGS)
    def put(self, request: Request) -> Response:
        """As PATCH, with a whole mapping."""
        return self._change(partial=False)

    def _change(self, *, partial: bool) -> Response:
        serializer = AlertMappingSerializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        rule = alert_mapping_update(actor=self.member.actor, changes=serializer.validated_data)
        return Response(AlertMappingSerializer(rule).data)

"""``GET /v1/log-patterns``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from ingestion.api.serializers import LEVEL_NAMES
from ingestion.log_filters import LogFilters
from ingestion.models import LogPattern, ServiceRelease
from ingestion.pattern_selectors import last_deploys, log_patterns, trends
from ingestion.selectors import services_by_filter
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class LogPatternSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    template = serializers.CharField(help_text="<*> stands for what varies.")
    sample = serializers.CharField(help_text="The first message that made it.")
    service = serializers.CharField(help_text="The service's name.")
    service_id = serializers.UUIDField()
    environment = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVEL_NAMES, help_text="The highest that it came with.")
    count = serializers.IntegerField(help_text="Logs since its first.")
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    trend = serializers.ListField(
        child=serializers.IntegerField(), help_text="Logs by hour over 24 hours; the present hour is the last."
    )
    new_since_deploy = serializers.BooleanField(help_text="First seen since the service's last version appeared.")
    deployed_version = serializers.CharField(allow_null=True, help_text="That version; null where no deploy is known.")


class NewestPatterns(KeysetPagination):
    ordering = ("-last_seen_at", "-id")


class LogPatternListView(OrganizationApiView):
    actions: ClassVar = {"GET": Action.READ_LOGS}

    @extend_schema(
        operation_id="log_patterns_list",
        tags=["Logs"],
        summary="Patterns of messages, the last seen first",
        parameters=[
            OpenApiParameter("service", str, description="A service's id or name."),
            OpenApiParameter("environment", str),
            OpenApiParameter("min_level", str, description="Seen with this level or one above."),
            OpenApiParameter("from", str, description="Seen since; RFC 3339."),
            OpenApiParameter("to", str, description="Seen before; RFC 3339."),
            OpenApiParameter("q", str, description="A part of the template."),
            OpenApiParameter("new", bool, description="Only those first seen since their service's last deploy."),
            OpenApiParameter("page_size", int),
            OpenApiParameter("cursor", str),
        ],
        responses=LogPatternSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        filters = LogFilters.read(request.query_params)
        services = services_by_filter(service=filters.service, environment=filters.environment)
        found = log_patterns(
            service_ids=services.keys(),
            text=request.query_params.get("q", "").strip(),
            minimum_level=filters.minimum_level,
            since=filters.since,
            until=filters.until,
            only_new=request.query_params.get("new", "").lower() in ("1", "true", "yes"),
        )
        paginator = NewestPatterns()
        page = paginator.paginate_queryset(found, request, view=self) or []
        trend = trends([pattern.pk for pattern in page], now=datetime.now(UTC))
        deploys = last_deploys({pattern.service_id for pattern in page})
        documents = [_document(pattern, trend[pattern.pk], deploys.get(pattern.service_id)) for pattern in page]
        return paginator.get_paginated_response(documents)


def _document(pattern: LogPattern, trend: list[int], deploy: ServiceRelease | None) -> dict[str, Any]:
    return {
        "id": pattern.pk,
        "template": pattern.template,
        "sample": pattern.sample,
        "service": pattern.service.name,
        "service_id": pattern.service.public_id,
        "environment": pattern.service.environment,
        "level": pattern.level_name,
        "count": pattern.count,
        "first_seen_at": pattern.first_seen_at,
        "last_seen_at": pattern.last_seen_at,
        "trend": trend,
        "new_since_deploy": deploy is not None and pattern.first_seen_at >= deploy.first_seen_at,
        "deployed_version": deploy.version if deploy else None,
    }

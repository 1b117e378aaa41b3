"""``GET /v1/audit``: the record, as sentences and as changes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import messages, selectors
from audit.models import AuditEntry
from incident_center.kernel.api.pagination import KeysetPagination
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class AuditFilterSerializer(serializers.Serializer[Any]):
    actor = serializers.CharField(
        required=False, max_length=200, help_text="A user id, or `key:<id>`, `system:<name>`."
    )
    table = serializers.CharField(required=False, max_length=100)
    operation = serializers.ChoiceField(required=False, choices=["insert", "update", "delete"])
    object = serializers.CharField(required=False, max_length=100)

    def get_fields(self) -> dict[str, serializers.Field]:
        """``from`` is a Python keyword, so the two times are added by name."""
        return {
            **super().get_fields(),
            "from": serializers.DateTimeField(required=False),
            "to": serializers.DateTimeField(required=False),
        }


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    table = serializers.CharField(source="table_name")
    object = serializers.CharField(source="object_id")
    message = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "actor", "table", "operation", "object", "message", "changes"]

    def get_message(self, entry: AuditEntry) -> str:
        return messages.message(entry, self.context["names"])

    def get_changes(self, entry: AuditEntry) -> dict[str, dict[str, Any]]:
        return messages.changes(entry)


class NewestFirst(KeysetPagination):
    ordering = "-position"


class AuditView(OrganizationApiView):
    """Who did what to what, newest first."""

    actions = {"GET": Action.READ_AUDIT}
    pagination_class = NewestFirst

    @extend_schema(parameters=[AuditFilterSerializer], responses=AuditEntrySerializer(many=True), tags=["audit"])
    def get(self, request: Request) -> Response:
        filters = AuditFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        wanted = filters.validated_data
        found = selectors.entries(
            actor=wanted.get("actor", ""),
            table=wanted.get("table", ""),
            operation=wanted.get("operation", ""),
            object_id=wanted.get("object", ""),
            since=wanted.get("from"),
            until=wanted.get("to"),
        )
        paginator = NewestFirst()
        page = paginator.paginate_queryset(found, request, self) or []
        data = AuditEntrySerializer(page, many=True, context={"names": selectors.names_for(page)}).data
        return paginator.get_paginated_response(data)

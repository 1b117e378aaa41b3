"""``/v1/audit``: the record as sentences and changes, and whether it is intact."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import messages, selectors
from audit.actions.access_record import access_record
from audit.actions.signing_key import public_key
from audit.actions.verification_run import record_verify
from audit.models import AccessKind, AuditEntry
from audit.verification import FaultKind
from incident_center.kernel.api.pagination import KeysetPagination
from organizations.access import Action
from organizations.api.base import OrganizationApiView
from organizations.api.views.auth import PublicApiView


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
    ordering = ("-at", "-position")


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
        access_record(
            actor=self.member.actor,
            kind=AccessKind.READ,
            subject="the audit log",
            filters={name: request.query_params[name] for name in wanted},
        )
        data = AuditEntrySerializer(page, many=True, context={"names": selectors.names_for(page)}).data
        return paginator.get_paginated_response(data)


class FaultSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[kind.value for kind in FaultKind])
    detail = serializers.CharField()
    seal = serializers.IntegerField(help_text="The number of the seal under which it was found.")
    entry = serializers.UUIDField(allow_null=True)


class GuardChangeSerializer(serializers.Serializer[Any]):
    seal = serializers.IntegerField()
    at = serializers.DateTimeField()
    reason = serializers.CharField()


class VerdictSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    entries = serializers.IntegerField(help_text="Entries that were verified.")
    seals = serializers.IntegerField()
    unsealed = serializers.IntegerField(help_text="Entries of transactions too young to be sealed.")
    sealed_until = serializers.DateTimeField(allow_null=True)
    published = serializers.IntegerField(help_text="Seals that were compared with those published.")
    guard_changes = GuardChangeSerializer(many=True)
    first_invalid = FaultSerializer(required=False)


class VerifyView(OrganizationApiView):
    """Seals what can be sealed, recomputes every seal from the entries, and names the first fault.

    It takes about 5 µs an entry, so a record of millions takes some seconds to answer.
    """

    actions = {"GET": Action.READ_AUDIT}

    @extend_schema(responses=VerdictSerializer, tags=["audit"])
    def get(self, request: Request) -> Response:
        verdict = record_verify(actor=self.member.actor)
        answer = VerdictSerializer(verdict).data
        if verdict.valid:
            answer.pop("first_invalid", None)
        return Response(answer)


class PublicKeyView(PublicApiView):
    """The public half of the key that signs evidence, in PEM: for whoever was handed an archive."""

    @extend_schema(responses={(200, "application/x-pem-file"): OpenApiTypes.STR}, tags=["audit"], auth=[])
    def get(self, request: Request) -> HttpResponse:
        headers = {"Content-Disposition": 'attachment; filename="incident-center-public-key.pem"'}
        return HttpResponse(public_key(), content_type="application/x-pem-file", headers=headers)

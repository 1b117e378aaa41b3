"""Detection rules for people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.actions.rules import rule_create, rule_delete, rule_update
from detection.api.serializers import RuleSerializer
from detection.selectors import detection_rules, get_rule
from incident_center.kernel.api.pagination import KeysetPagination
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["detection"]


class RulePagination(KeysetPagination):
    ordering = ("created_at", "id")


class RuleView(OrganizationApiView):
    def validated(self, *, partial: bool) -> Any:
        serializer = RuleSerializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class RuleListView(RuleView):
    """The organization's rules. A new organization has one: more than 5 errors in 60 s, per service."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = RulePagination

    @extend_schema(responses=RuleSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = RulePagination()
        page = paginator.paginate_queryset(detection_rules(), request, self)
        return paginator.get_paginated_response(RuleSerializer(page, many=True).data)

    @extend_schema(request=RuleSerializer, responses={201: RuleSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        rule = rule_create(actor=self.member.actor, fields=self.validated(partial=False))
        return Response(RuleSerializer(rule).data, status=201)


class RuleDetailView(RuleView):
    """One rule. Incidents that it opened stay, whatever becomes of it."""

    actions = {
        "GET": Action.READ_CONFIGURATION,
        "PATCH": Action.CONFIGURE,
        "PUT": Action.CONFIGURE,
        "DELETE": Action.CONFIGURE,
    }

    @extend_schema(responses=RuleSerializer, tags=TAGS)
    def get(self, request: Request, rule_id: UUID) -> Response:
        return Response(RuleSerializer(get_rule(rule_id)).data)

    @extend_schema(request=RuleSerializer(partial=True), responses=RuleSerializer, tags=TAGS)
    def patch(self, request: Request, rule_id: UUID) -> Response:
        get_rule(rule_id)
        changes = self.validated(partial=True)
        rule = rule_update(rule_id=rule_id, actor=self.member.actor, changes=changes)
        return Response(RuleSerializer(rule).data)

    @extend_schema(request=RuleSerializer, responses=RuleSerializer, tags=TAGS)
    def put(self, request: Request, rule_id: UUID) -> Response:
        """As PATCH, with a whole rule."""
        get_rule(rule_id)
        changes = self.validated(partial=False)
        rule = rule_update(rule_id=rule_id, actor=self.member.actor, changes=changes)
        return Response(RuleSerializer(rule).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, rule_id: UUID) -> Response:
        rule_delete(rule_id=rule_id, actor=self.member.actor)
        return Response(status=204)

"""The explain ledger of one incident."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incidents import selectors
from incidents.models import Decision, Stage
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class OldestFirst(KeysetPagination):
    ordering = "id"


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """``outcome`` is a verb in the past, ``reason`` a sentence, ``subject`` what was decided about or by."""

    data = serializers.JSONField()  # type: ignore[assignment]

    class Meta:
        model = Decision
        fields = ["id", "at", "stage", "outcome", "reason", "subject", "subject_name", "data"]


class DecisionFilterSerializer(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=Stage.choices, required=False)
    about = serializers.CharField(
        max_length=100, required=False, help_text="me, or a subject such as user:<id>, route:<id>."
    )


class DecisionListView(OrganizationApiView):
    """What was decided about the incident and whom to tell of it, in order: what matched, what did not, and why."""

    actions = {"GET": Action.READ_INCIDENTS}
    pagination_class = OldestFirst

    @extend_schema(parameters=[DecisionFilterSerializer], responses=DecisionSerializer(many=True), tags=["incidents"])
    def get(self, request: Request, reference: str) -> Response:
        filters = DecisionFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        wanted = dict(filters.validated_data)
        rows = selectors.decisions(selectors.incident_by_reference(self.member, reference))
        if "stage" in wanted:
            rows = rows.filter(stage=wanted["stage"])
        if "about" in wanted:
            about = wanted["about"]
            rows = rows.filter(subject=f"user:{self.member.user.pk}" if about == "me" else about)
        paginator = OldestFirst()
        page: Any = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(DecisionSerializer(page, many=True).data)

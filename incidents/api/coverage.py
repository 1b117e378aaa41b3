"""``/v1/coverage``: what nobody covers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incidents.coverage.registry import Gravity, run_checks
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class FindingSerializer(serializers.Serializer[Any]):
    check = serializers.CharField(help_text="Which check found it: schedule_gaps, unreachable_responders, …")
    gravity = serializers.ChoiceField(choices=[each.value for each in Gravity])
    subject = serializers.CharField(help_text="What is not covered: schedule:<id>, user:<id>, service:<id>, key:<id>.")
    subject_name = serializers.CharField()
    message = serializers.CharField(help_text="A sentence that begins with the name.")
    url = serializers.CharField(allow_null=True, help_text="The page where it can be mended.")
    data = serializers.DictField()  # type: ignore[assignment]


class CoverageView(OrganizationApiView):
    """What an incident would fall through: gaps in schedules in the next 30 days, responders whom no message would
    reach, steps and routes that lead to nobody, services without an escalation policy, keys never used.
    """

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(responses=FindingSerializer(many=True), tags=["schedules"])
    def get(self, request: Request) -> Response:
        found = [
            {
                "check": result.check.name,
                "gravity": finding.gravity.value,
                "subject": finding.subject,
                "subject_name": finding.name,
                "message": f"{finding.name} {finding.message}",
                "url": settings.BASE_URL + finding.path if finding.path else None,
                "data": finding.data,
            }
            for result in run_checks(timezone.now())
            for finding in result.findings
        ]
        results = FindingSerializer(found, many=True).data
        return Response({"results": results, "next": None, "previous": None})

"""``POST /api/v2/alerts``: Alertmanager's API, so that Prometheus can send here without one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.alerts.protocols import Protocol
from detection.compatibility.forms import ForeignFormView


class AlertmanagerApiView(ForeignFormView):
    """Alerts that are equal in the mapping's ``group_by`` labels are one incident. What is not sent again until its
    ``endsAt`` is over.
    """

    protocol = Protocol.ALERTMANAGER_API

    @extend_schema(
        operation_id="alertmanager_post_alerts",
        tags=["Intake"],
        summary="Alertmanager API v2: alerts, as Prometheus sends them",
        request={"application/json": {"type": "array", "items": {"type": "object"}}},
        responses={200: None},
    )
    def post(self, request: Request) -> Response:
        self.take(self.signals())
        return Response(status=200)

    def refusal(self, status: int, detail: str, errors: list[str]) -> Any:
        return "; ".join(errors) or detail

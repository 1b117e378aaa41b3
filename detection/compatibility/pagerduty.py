"""``POST /v2/enqueue``: PagerDuty's Events API v2. An integration moves by changing its address."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from detection.alerts.protocols import Protocol
from detection.compatibility.forms import ForeignFormView
from incident_center.kernel.scope import enter_scope
from ingestion.actions.receive_logs import ReceivedBody
from ingestion.parsers.alerts.pagerduty import routing_key_of
from ingestion.parsers.encoding import UnpackError
from organizations.api.base import (
    DEAD_CREDENTIAL,
    PersonTokenAuthentication,
    ServiceKeyAuthentication,
    offered_key,
)
from organizations.keys import KeyIdentity, authenticate_key


class RoutingKeyAuthentication(ServiceKeyAuthentication):
    """The API key in the body's ``routing_key``, or where every other endpoint takes it."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        if offered_key(request._request) is not None or request._request.headers.get("Authorization"):
            return super().authenticate(request)
        view = request.parser_context["view"]
        try:
            routing_key = routing_key_of(view.unpacked())
        except UnpackError:
            return None
        if not routing_key:
            return None
        identity = authenticate_key(routing_key)
        if identity is None:
            raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL)
        enter_scope(identity.organization_id, identity.actor)
        return None, identity


class RoutingKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = RoutingKeyAuthentication
    name = "routing_key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = "An API key: in the body's routing_key, or in this header."
        return {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": description}


_REFUSALS = (400, 401, 403, 409, 413, 415, 429, 503)


class EnqueueView(ForeignFormView):
    """Trigger, acknowledge, resolve."""

    protocol = Protocol.PAGERDUTY
    authentication_classes: Any = [RoutingKeyAuthentication, PersonTokenAuthentication]

    @extend_schema(
        operation_id="pagerduty_enqueue",
        tags=["Intake"],
        summary="PagerDuty Events API v2",
        description="routing_key is an API key. Errors have PagerDuty's form: {status, message, errors}.",
        request={"application/json": {"type": "object"}},
        responses={(status, "application/json"): {"type": "object"} for status in (202, *_REFUSALS)},
    )
    def post(self, request: Request) -> Response:
        signals = self.signals()
        self.take(signals)
        body = {"status": "success", "message": "Event processed", "dedup_key": signals[0].problem}
        return Response(body, status=202)

    def kept(self) -> ReceivedBody:
        """Without the key, which nobody who reads dead letters should learn."""
        try:
            body = self.unpacked()
        except UnpackError:
            return self.received
        key = routing_key_of(body)
        if not key:
            return self.received
        masked = body.replace(json.dumps(key).encode(), b'"(routing key)"')
        return replace(self.received, content=masked, content_encoding="", size=None)

    def refusal(self, status: int, detail: str, errors: list[str]) -> Any:
        if status in (400, 413, 415):
            return {"status": "invalid event", "message": "Event object is invalid", "errors": errors or [detail]}
        return {"status": "throttle exceeded" if status == 429 else "error", "message": detail, "errors": [detail]}

"""``/v2/alerts``: Opsgenie's Alert API, with ``Authorization: GenieKey <API key>``: create, acknowledge, close."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from detection.alerts.protocols import Protocol
from detection.compatibility.forms import ForeignFormView
from detection.models import Alert
from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.request_id import current_request_id
from incident_center.kernel.scope import enter_scope
from ingestion.parsers.alerts.opsgenie import SOURCE, step_on
from ingestion.parsers.alerts.signal import Signal, Step
from organizations.api.base import DEAD_CREDENTIAL, PersonTokenAuthentication, ServiceKeyAuthentication
from organizations.keys import KeyIdentity, authenticate_key

SCHEME = "geniekey"


class GenieKeyAuthentication(ServiceKeyAuthentication):
    """``Authorization: GenieKey ick_…``, or where every other endpoint takes the key."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        scheme, _, value = request._request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME:
            return super().authenticate(request)
        identity = authenticate_key(value.strip())
        if identity is None:
            raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL)
        enter_scope(identity.organization_id, identity.actor)
        return None, identity


class GenieKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = GenieKeyAuthentication
    name = "genie_key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "GenieKey <API key>"}


class OpsgenieView(ForeignFormView):
    protocol = Protocol.OPSGENIE
    authentication_classes: Any = [GenieKeyAuthentication, PersonTokenAuthentication]

    def processed(self, signals: list[Signal]) -> Response:
        self.take(signals)
        body = {"result": "Request will be processed", "took": 0.0, "requestId": current_request_id()}
        return Response(body, status=202)

    def refusal(self, status: int, detail: str, errors: list[str]) -> Any:
        named = dict(error.partition(": ")[::2] for error in errors)
        return {"message": detail, "took": 0.0, "requestId": current_request_id()} | (
            {"errors": named} if named else {}
        )


class OpsgenieAlertsView(OpsgenieView):
    """``alias`` is the deduplication key."""

    @extend_schema(
        operation_id="opsgenie_create_alert",
        tags=["Intake"],
        summary="Opsgenie Alert API: create",
        request={"application/json": {"type": "object"}},
        responses={202: {"type": "object"}},
    )
    def post(self, request: Request) -> Response:
        return self.processed(list(self.signals()))


class OpsgenieStepView(OpsgenieView):
    """What is done to an alert that is named by alias (``identifierType=alias``) or by our id."""

    step: Step

    def signal(self, identifier: str) -> Signal:
        kind = self.request.query_params.get("identifierType", "id")
        if kind == "alias":
            return step_on(identifier, self.step)
        if kind != "id":
            raise InvalidInput("identifierType", "Write alias or id.")
        try:
            alert = Alert.objects.select_related("group").filter(pk=UUID(identifier), group__source=SOURCE).first()
        except ValueError:
            alert = None
        return step_on(identifier if alert is None else alert.group.problem, self.step)


class OpsgenieCloseView(OpsgenieStepView):
    step = Step.RESOLVE

    @extend_schema(
        operation_id="opsgenie_close_alert",
        tags=["Intake"],
        summary="Opsgenie Alert API: close",
        request={"application/json": {"type": "object"}},
        responses={202: {"type": "object"}},
    )
    def post(self, request: Request, identifier: str) -> Response:
        return self.processed([self.signal(identifier)])


class OpsgenieAcknowledgeView(OpsgenieStepView):
    step = Step.ACKNOWLEDGE

    @extend_schema(
        operation_id="opsgenie_acknowledge_alert",
        tags=["Intake"],
        summary="Opsgenie Alert API: acknowledge",
        request={"application/json": {"type": "object"}},
        responses={202: {"type": "object"}},
    )
    def post(self, request: Request, identifier: str) -> Response:
        return self.processed([self.signal(identifier)])

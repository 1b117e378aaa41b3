"""``/v2/alerts``: Opsgenie's Alert API (create, read, note, acknowledge, close); ``Authorization: GenieKey``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from detection.actions.receive_alerts import receive_messages
from detection.alerts.messages import Message, problem_key
from detection.alerts.protocols import Protocol
from detection.alerts.services import public_id_of
from detection.api.alert_intake import refusal_of
from detection.compatibility.forms import ForeignFormView
from detection.models import Alert, AlertStatus
from detection.selectors import alert_mapping
from incident_center.kernel.api.problems import InvalidInput, NotFound
from incident_center.kernel.request_id import current_request_id
from incident_center.kernel.scope import enter_scope
from incidents.actions.incident_note import incident_note
from incidents.lifecycle import SEVERITY_ORDER, Severity
from incidents.selectors import merge_root
from ingestion.api.intake import sender_of
from ingestion.parsers.alerts.opsgenie import PRIORITIES, SOURCE, read_note, step_on
from ingestion.parsers.alerts.signal import Step, UnreadableAlertError
from ingestion.parsers.encoding import UnpackError
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

    def done(self) -> Response:
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
        self.take(self.signals())
        return self.done()


class NamedAlertView(OpsgenieView):
    """About an alert that is named by alias (``identifierType=alias``) or by our id."""

    def alert(self, identifier: str) -> Alert:
        """The newest of that name; with a service's key only the service's own.

        Raises:
            InvalidInput: neither kind of name.
            NotFound
        """
        kind = self.request.query_params.get("identifierType", "id")
        alerts = Alert.objects.select_related("group", "incident").order_by("-id")
        if kind == "alias":
            speaks_for = None if self.key.service_id is None else public_id_of(self.key.service_id)
            alerts = alerts.filter(group__key=problem_key(step_on(identifier, Step.RESOLVE), speaks_for))
        elif kind == "id":
            named = _id(identifier)
            alerts = alerts.none() if named is None else alerts.filter(pk=named, group__source=SOURCE)
            if self.key.service_id is not None:
                alerts = alerts.filter(group__service=self.key.service_id)
        else:
            raise InvalidInput("identifierType", "Write alias or id.")
        if (alert := alerts.first()) is None:
            raise NotFound(f"Alert with {kind} [{identifier[:200]}] does not exist.")
        return alert

    def said(self) -> str:
        """The note in the body.

        Raises:
            InvalidInput, TooLarge, WrongType
        """
        try:
            return read_note(self.unpacked())
        except (UnreadableAlertError, UnpackError) as error:
            raise refusal_of(error) from None


def _id(identifier: str) -> UUID | None:
    try:
        return UUID(identifier)
    except ValueError:
        return None


def _document(alert: Alert) -> dict[str, Any]:
    """As Opsgenie shows an alert, as far as we know of such things."""
    labels, incident = alert.labels, alert.incident
    is_acknowledged = alert.status == AlertStatus.ACKNOWLEDGED or bool(incident and incident.acknowledged_at)
    return {
        "id": str(alert.pk),
        "tinyId": str(incident.number) if incident else "",
        "alias": alert.group.problem,
        "message": alert.title,
        "description": alert.description,
        "status": "open" if alert.is_live else "closed",
        "acknowledged": is_acknowledged,
        "isSeen": is_acknowledged,
        "snoozed": False,
        "tags": [tag for tag in labels.get("tags", "").split(", ") if tag],
        "entity": labels.get("entity", ""),
        "source": labels.get("source", ""),
        "details": alert.details,
        "priority": PRIORITIES[SEVERITY_ORDER[::-1].index(Severity(alert.severity))],
        "count": alert.received_count,
        "createdAt": alert.first_received_at,
        "updatedAt": alert.last_received_at,
        "lastOccurredAt": alert.last_received_at,
    }


class OpsgenieAlertView(NamedAlertView):
    """An alert as its sender may read it."""

    @extend_schema(
        operation_id="opsgenie_read_alert",
        tags=["Intake"],
        summary="Opsgenie Alert API: read",
        request=None,
        responses={200: {"type": "object"}},
    )
    def get(self, request: Request, identifier: str) -> Response:
        alert = self.alert(identifier)
        return Response({"data": _document(alert), "took": 0.0, "requestId": current_request_id()})


class OpsgenieNotesView(NamedAlertView):
    """Notes go on the timeline of the incident in which the alert lives on."""

    @extend_schema(
        operation_id="opsgenie_add_note",
        tags=["Intake"],
        summary="Opsgenie Alert API: add a note",
        request={"application/json": {"type": "object"}},
        responses={202: {"type": "object"}},
    )
    def post(self, request: Request, identifier: str) -> Response:
        incident = self.alert(identifier).incident
        if incident is None:
            raise NotFound("The alert belongs to no incident.")
        incident_note(incident_id=merge_root(incident).pk, actor=self.key.actor, body=self.said())
        return self.done()


class OpsgenieStepView(NamedAlertView):
    """What is done to an alert, and what somebody says to it."""

    step: Step

    def take_step(self, identifier: str) -> Response:
        said = self.said()
        try:
            alert = self.alert(identifier)
        except NotFound:
            self.take([step_on(identifier, self.step)])  # The ledger says that nothing of the name is open.
            return self.done()
        sender_of(self.key).charge(1)
        message = Message(step_on(alert.group.problem, self.step), alert.group.key)
        receive_messages(actor=self.key.actor, messages=[message], rule=alert_mapping())
        incident = None if alert.incident is None else merge_root(alert.incident)
        if said and incident is not None and incident.withdrawn_at is None:
            incident_note(incident_id=incident.pk, actor=self.key.actor, body=said)
        return self.done()


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
        return self.take_step(identifier)


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
        return self.take_step(identifier)

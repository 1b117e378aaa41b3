"""What the endpoints that take alerts share, and the two of our own: Alertmanager's webhook and the generic form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from detection.actions.receive_alerts import Received, receive_alerts
from detection.alerts.protocols import Protocol, read_body
from incident_center.kernel.api.idempotency import answer_once, idempotency_key, request_digest
from incident_center.kernel.api.problems import InvalidInput, Problem, TooLarge, WrongType
from ingestion.actions.receive_logs import ReceivedBody, keep_body
from ingestion.api.intake import received_body, sender_of
from ingestion.limits import BODY_BYTES
from ingestion.models import DeadLetter
from ingestion.parsers.alerts.signal import Signal, UnreadableAlertError
from ingestion.parsers.encoding import TooLargeError, UnpackError, UnsupportedEncodingError, unpack
from organizations.api.base import IntakeApiView

IDEMPOTENCY = OpenApiParameter("Idempotency-Key", str, location="header")


class AlertIntakeView(IntakeApiView):
    """Takes a body of one protocol and answers when what it says is durable."""

    protocol: ClassVar[Protocol]
    parser_classes: Any = []  # The body is read here, bounded, and decoded once.

    @cached_property
    def received(self) -> ReceivedBody:
        """The body as it came; it can be read once."""
        return received_body(self.request._request)

    def unpacked(self) -> bytes:
        """Raises UnpackError."""
        if self.received.is_cut:
            raise TooLargeError(f"the body is larger than {BODY_BYTES} bytes")
        return unpack(self.received.content, self.received.content_encoding, limit=BODY_BYTES)

    def kept(self) -> ReceivedBody:
        """What a dead letter keeps of a body that cannot be read."""
        return self.received

    def signals(self) -> Sequence[Signal]:
        """What the body says. One that cannot be read becomes a dead letter.

        Raises:
            InvalidInput, TooLarge, WrongType
        """
        try:
            return read_body(self.protocol, self.unpacked())
        except (UnreadableAlertError, UnpackError) as error:
            keep_body(
                sender_of(self.key), self.kept(), str(error), timezone.now(), DeadLetter.Kind.ALERT, self.protocol
            )
            raise refusal_of(error) from None

    def take(self, signals: Sequence[Signal]) -> Received:
        """Stores the signals and moves their incidents."""
        if not signals:
            return Received(0, ())
        sender_of(self.key).charge(len(signals))
        return receive_alerts(actor=self.key.actor, signals=signals, service_id=self.key.service_id)

    def once(self, produce: Callable[[], Response]) -> Response:
        """``produce``, at most once for an ``Idempotency-Key``."""
        http = self.request._request
        key = idempotency_key(http)
        if key is None:
            return produce()
        digest = request_digest(http, self.received.content)
        return answer_once(principal=str(self.key.actor), key=key, digest=digest, produce=produce)

    def require_json(self) -> None:
        media_type = self.received.content_type.partition(";")[0].strip().lower()
        if media_type not in ("", "application/json"):
            raise WrongType(f"Content-Type {media_type[:80]!r} is not application/json.")


def refusal_of(error: UnreadableAlertError | UnpackError) -> Problem:
    """The answer to a body that cannot be read."""
    if isinstance(error, TooLargeError):
        return TooLarge(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if isinstance(error, UnsupportedEncodingError):
        return WrongType(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if isinstance(error, UnreadableAlertError):
        return InvalidInput(error.field, error.message)
    return InvalidInput("", f"{str(error)[:1].upper()}{str(error)[1:]}.")


# ---- Our own forms -------------------------------------------------------------------------------------------------


class AcceptedSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="Messages about alerts that are stored now.")
    incidents = serializers.ListField(child=serializers.UUIDField(), help_text="Those that the alerts belong to.")


class _LinkSerializer(serializers.Serializer[Any]):
    href = serializers.URLField()
    text = serializers.CharField(required=False)


class GenericAlertSerializer(serializers.Serializer[Any]):
    """The documented form; ``ingestion.parsers.alerts.generic`` reads it."""

    dedup_key = serializers.CharField(max_length=255)
    action = serializers.ChoiceField(choices=["trigger", "acknowledge", "resolve"])
    title = serializers.CharField(required=False, help_text="Required for a trigger.")
    severity = serializers.CharField(required=False, allow_null=True, help_text="A word that the mapping knows.")
    service = serializers.CharField(required=False, allow_null=True, help_text="Name or id; for gateway keys.")
    environment = serializers.CharField(required=False, allow_null=True)
    description = serializers.CharField(required=False, allow_null=True, help_text="Markdown.")
    links = _LinkSerializer(many=True, required=False)
    labels = serializers.DictField(required=False)
    metadata = serializers.DictField(required=False)
    timestamp = serializers.DateTimeField(required=False, allow_null=True)


class AlertmanagerWebhookView(AlertIntakeView):
    """Alertmanager's webhook: one incident for each groupKey."""

    protocol = Protocol.ALERTMANAGER

    @extend_schema(
        operation_id="alerts_alertmanager",
        tags=["Intake"],
        summary="Alertmanager's webhook, version 4",
        parameters=[IDEMPOTENCY],
        request={"application/json": {"type": "object"}},
        responses={202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        self.require_json()
        return self.once(lambda: accepted(self.take(self.signals())))


class GenericAlertView(AlertIntakeView):
    """An alert in our own form."""

    protocol = Protocol.GENERIC

    @extend_schema(
        operation_id="alerts_generic",
        tags=["Intake"],
        summary="Trigger, acknowledge or resolve an alert",
        parameters=[IDEMPOTENCY],
        request=GenericAlertSerializer,
        responses={202: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        self.require_json()
        return self.once(lambda: accepted(self.take(self.signals())))


def accepted(received: Received) -> Response:
    incidents = [str(incident_id) for incident_id in received.incidents]
    return Response({"accepted": received.accepted, "incidents": incidents}, status=202)

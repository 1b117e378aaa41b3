"""``POST /v1/otlp/v1/logs``: OTLP over HTTP, with answers and errors in its own form."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ingestion.actions.receive_otlp import receive_otlp
from ingestion.api.intake import received_body, sender_of
from ingestion.parsers.otlp import JSON, PROTOBUF, failure, success
from organizations.api.base import IntakeApiView

#: HTTP status to gRPC code, as google.rpc.Code maps them; anything else is UNKNOWN.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}
_UNKNOWN = 2
_REFUSALS = (400, 401, 403, 413, 415, 429, 503)


class OtlpLogsView(IntakeApiView):
    """Takes ``ExportLogsServiceRequest`` as protobuf or JSON."""

    parser_classes: Any = []  # The body is read here, bounded, and decoded once.

    @extend_schema(
        operation_id="otlp_logs",
        tags=["Intake"],
        summary="Send logs by OpenTelemetry's protocol",
        description=(
            "OTLP/HTTP 1.x: set OTEL_EXPORTER_OTLP_ENDPOINT to …/v1/otlp. gzip and zstd are understood. Refused records"
            " are counted in partialSuccess and kept as dead letters; errors are google.rpc.Status."
        ),
        request={JSON: OpenApiTypes.OBJECT, PROTOBUF: OpenApiTypes.BINARY},
        responses={
            (status, media_type): form
            for status in (200, *_REFUSALS)
            for media_type, form in ((JSON, OpenApiTypes.OBJECT), (PROTOBUF, OpenApiTypes.BINARY))
        },
    )
    def post(self, request: Request) -> HttpResponse:
        received = received_body(request._request)
        media_type = received.content_type.partition(";")[0].strip().lower()
        outcome = receive_otlp(sender=sender_of(self.key), received=received, media_type=media_type)
        return HttpResponse(success(media_type, outcome.rejected, outcome.reason), content_type=media_type)

    def handle_exception(self, exc: Exception) -> Any:
        """Every refusal as ``google.rpc.Status``, in the encoding of the request."""
        problem = super().handle_exception(exc)
        assert isinstance(problem, Response)
        media_type = (self.request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
        media_type = JSON if media_type == JSON else PROTOBUF
        status = problem.status_code
        answer = HttpResponse(
            failure(media_type, _CODES.get(status, _UNKNOWN), problem.data["detail"]),
            status=status,
            content_type=media_type,
        )
        for name in ("Retry-After", "WWW-Authenticate", "Allow"):
            if name in problem:
                answer[name] = problem[name]
        return answer

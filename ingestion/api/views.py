"""The endpoints of logs: in through a key, out to people."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.idempotency import idempotency_key
from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import TooLarge, Unavailable
from ingestion.actions.delete_dead_letter import delete_dead_letter
from ingestion.actions.receive_logs import receive_logs
from ingestion.actions.replay_dead_letter import replay_dead_letter
from ingestion.api.intake import received_body, sender_of
from ingestion.api.pagination import page_size_of, page_url, read_page
from ingestion.api.serializers import (
    DeadLetterSerializer,
    HistogramBucketSerializer,
    IngestAnswerSerializer,
    LogBatchSerializer,
    LogPageSerializer,
    ReplayAnswerSerializer,
    bucket_document,
    log_document,
)
from ingestion.histogram import log_histogram
from ingestion.limits import BODY_BYTES
from ingestion.log_filters import LogFilters
from ingestion.logstore.port import QueryTooBroadError
from ingestion.selectors import dead_letters, read_dead_letter, services_by_filter
from organizations.access import Action
from organizations.api.base import IntakeApiView, OrganizationApiView

LOG_FILTERS = [
    OpenApiParameter("service", str, description="A service's id or name."),
    OpenApiParameter("environment", str),
    OpenApiParameter("level", str, many=True, description="Repeatable."),
    OpenApiParameter("min_level", str, description="This level and those above."),
    OpenApiParameter("from", str, description="RFC 3339; inclusive."),
    OpenApiParameter("to", str, description="RFC 3339; exclusive."),
    OpenApiParameter("q", str, description='Words and "phrases" in the message; -word excludes.'),
    OpenApiParameter("trace_id", str),
    OpenApiParameter("pattern", str, description="A pattern's id, from /v1/log-patterns or from a log."),
    OpenApiParameter(
        "metadata", {"type": "object", "additionalProperties": {"type": "string"}},
        description="Written metadata.<key>=<value>; dots reach into objects.",
    ),
]  # fmt: skip


class IngestView(IntakeApiView):
    """``POST /v1/ingest``."""

    parser_classes: Any = []  # The body is read here, bounded, and decoded once.

    @extend_schema(
        operation_id="ingest",
        tags=["Intake"],
        summary="Send logs",
        description="One log, or a batch; gzip and zstd are understood. 200 means durable.",
        request={"application/json": LogBatchSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        responses=IngestAnswerSerializer,
    )
    def post(self, request: Request) -> HttpResponse:
        answer = receive_logs(
            sender=sender_of(self.key),
            received=received_body(request._request),
            idempotency_key=idempotency_key(request),
        )
        headers = {"Idempotent-Replay": "true"} if answer.is_replay else {}
        return HttpResponse(answer.body, content_type="application/json", headers=headers)


class LogListView(OrganizationApiView):
    """``GET /v1/logs``."""

    actions: ClassVar = {"GET": Action.READ_LOGS}

    @extend_schema(
        operation_id="logs_list",
        tags=["Logs"],
        summary="Search logs, newest first",
        parameters=[*LOG_FILTERS, OpenApiParameter("page_size", int), OpenApiParameter("cursor", str)],
        responses=LogPageSerializer,
    )
    def get(self, request: Request) -> Response:
        filters = LogFilters.read(request.query_params)
        services = services_by_filter(service=filters.service, environment=filters.environment)
        try:
            page = read_page(
                filters.query(services),
                cursor=request.query_params.get("cursor", ""),
                page_size=page_size_of(request._request),
                pattern=filters.pattern,
            )
        except QueryTooBroadError as error:
            raise _too_broad(error) from error
        return Response(
            {
                "results": [log_document(record, services[record.service_id]) for record in page.records],
                "next": page_url(request._request, page.next_cursor),
                "previous": page_url(request._request, page.previous_cursor),
            }
        )


class LogHistogramView(OrganizationApiView):
    """``GET /v1/logs/histogram``."""

    actions: ClassVar = {"GET": Action.READ_LOGS}

    @extend_schema(
        operation_id="logs_histogram",
        tags=["Logs"],
        summary="Count logs by time and level",
        description="The last 24 hours unless from is given. Buckets start at multiples of the interval.",
        parameters=[
            *LOG_FILTERS,
            OpenApiParameter("interval", str, description="30s, 5m, 1h, 1d, or seconds."),
        ],
        responses=HistogramBucketSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        filters = LogFilters.read(request.query_params)
        services = services_by_filter(service=filters.service, environment=filters.environment)
        try:
            histogram = log_histogram(filters, services, interval=request.query_params.get("interval", ""))
        except QueryTooBroadError as error:
            raise _too_broad(error) from error
        return Response([bucket_document(bucket) for bucket in histogram.buckets])


def _too_broad(error: QueryTooBroadError) -> Unavailable:
    return Unavailable(f"{str(error).capitalize()}; ask for a shorter time or fewer services.", retry_after=1)


class DeadLetterListView(OrganizationApiView):
    """``GET /v1/dead-letters``."""

    actions: ClassVar = {"GET": Action.READ_LOGS}

    @extend_schema(
        operation_id="dead_letters_list",
        tags=["Logs"],
        summary="What could not be stored, and why",
        parameters=[
            OpenApiParameter("service", str, description="A service's id or name."),
            OpenApiParameter("environment", str),
            OpenApiParameter("replayed", bool, description="Those already replayed instead of those that wait."),
            OpenApiParameter("page_size", int),
            OpenApiParameter("cursor", str),
        ],
        responses=DeadLetterSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        service, environment = (request.query_params.get(name, "")[:200] for name in ("service", "environment"))
        service_ids = None
        if service or environment:
            service_ids = list(services_by_filter(service=service, environment=environment))
        replayed = request.query_params.get("replayed", "").lower() in ("1", "true", "yes")
        letters = dead_letters(service_ids=service_ids, replayed=replayed)
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(letters, request, view=self)
        return paginator.get_paginated_response(DeadLetterSerializer(page, many=True).data)


class DeadLetterView(OrganizationApiView):
    """``/v1/dead-letters/{id}``."""

    actions: ClassVar = {"GET": Action.READ_LOGS, "DELETE": Action.REPAIR_LOGS}

    @extend_schema(operation_id="dead_letters_read", tags=["Logs"], responses=DeadLetterSerializer)
    def get(self, request: Request, dead_letter_id: UUID) -> Response:
        return Response(DeadLetterSerializer(read_dead_letter(dead_letter_id)).data)

    @extend_schema(operation_id="dead_letters_delete", tags=["Logs"], responses={204: None})
    def delete(self, request: Request, dead_letter_id: UUID) -> Response:
        delete_dead_letter(dead_letter_id=dead_letter_id, actor=self.member.actor)
        return Response(status=204)


class DeadLetterReplayView(OrganizationApiView):
    """``POST /v1/dead-letters/{id}/replay``."""

    actions: ClassVar = {"POST": Action.REPAIR_LOGS}
    parser_classes: Any = []

    @extend_schema(
        operation_id="dead_letters_replay",
        tags=["Logs"],
        summary="Send a dead letter again",
        description=(
            "As it was, or corrected where a body comes: as for /v1/ingest, and for an alert as its protocol has it."
            " All or nothing."
        ),
        request={"application/json": LogBatchSerializer},
        responses=ReplayAnswerSerializer,
    )
    def post(self, request: Request, dead_letter_id: UUID) -> Response:
        corrected = received_body(request._request)
        if corrected.is_cut:
            raise TooLarge(f"The body is larger than {BODY_BYTES} bytes.")
        replay = replay_dead_letter(
            dead_letter_id=dead_letter_id, actor=self.member.actor, corrected=corrected.content.strip() or None
        )
        answer: dict[str, Any] = {"received": replay.received, "duplicates_skipped": replay.duplicates_skipped}
        if replay.incidents is not None:
            answer["incidents"] = [str(incident_id) for incident_id in replay.incidents]
        return Response(answer)

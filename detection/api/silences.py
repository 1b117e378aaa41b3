"""Silences and maintenance windows, and what they would have matched over the last seven days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.actions.silences import (
    SilenceFields,
    apply_fields,
    silence_create,
    silence_end,
    silence_remove,
    silence_update,
)
from detection.api.silence_serializers import (
    WINDOW_MATCHERS,
    PreviewSerializer,
    SilencePreviewRequestSerializer,
    SilenceReadSerializer,
    SilenceSerializer,
    SilenceWriteSerializer,
    WindowPreviewRequestSerializer,
    WindowSerializer,
    WindowWriteSerializer,
    shown_preview,
)
from detection.models import Silence, SilenceKind
from detection.silences import selectors
from detection.silences.preview import preview
from incident_center.kernel.api.pagination import KeysetPagination
from incidents.api.serializers import StrictSerializer
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["silences"]


class SoonestEnd(KeysetPagination):
    ordering = ("-ends_at", "-id")


class _SilenceView(OrganizationApiView):
    """What both kinds share; ``kind`` and the serializers say which one it is."""

    kind: ClassVar[SilenceKind] = SilenceKind.SILENCE
    reads: ClassVar[type[SilenceReadSerializer]] = SilenceSerializer
    writes: ClassVar[type[StrictSerializer]] = SilenceWriteSerializer

    def fields(self, *, partial: bool) -> SilenceFields:
        serializer = self.writes(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return as_fields(serializer.validated_data, self.kind)

    def shown(self, silence_id: UUID, status: int = 200) -> Response:
        return Response(self.reads(selectors.get_silence(silence_id, self.kind)).data, status=status)

    def page(self) -> Response:
        paginator = SoonestEnd()
        rows = paginator.paginate_queryset(selectors.silences(self.kind), self.request, self)
        return paginator.get_paginated_response(self.reads(rows, many=True).data)

    def create(self) -> Response:
        made = silence_create(actor=self.member.actor, kind=self.kind, fields=self.fields(partial=False))
        return self.shown(made.pk, 201)

    def change(self, silence_id: UUID) -> Response:
        selectors.get_silence(silence_id, self.kind)
        changes = self.fields(partial=True)
        silence_update(silence_id=silence_id, actor=self.member.actor, kind=self.kind, changes=changes)
        return self.shown(silence_id)

    def end(self, silence_id: UUID) -> Response:
        silence_end(silence_id=silence_id, actor=self.member.actor, kind=self.kind)
        return self.shown(silence_id)

    def remove(self, silence_id: UUID) -> Response:
        silence_remove(silence_id=silence_id, actor=self.member.actor, kind=self.kind)
        return Response(status=204)

    def preview(self, request_serializer: type[StrictSerializer]) -> Response:
        serializer = request_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        now = timezone.now()
        draft = draft_silence(as_fields(serializer.validated_data, self.kind), self.kind)
        found = preview(draft.matching, draft.times, now)
        return Response(PreviewSerializer(shown_preview(found)).data)


def as_fields(values: dict[str, Any], kind: SilenceKind) -> SilenceFields:
    """What the serializers read, as the actions take it: a maintenance window's matchers stand at the top."""
    if kind is SilenceKind.MAINTENANCE:
        matchers = {name: values.pop(name) for name in WINDOW_MATCHERS if name in values}
        if matchers:
            values["matchers"] = matchers
    return values  # type: ignore[return-value]


def draft_silence(fields: SilenceFields, kind: SilenceKind) -> Silence:
    """A silence that is not saved, of fields that are checked.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    now = timezone.now()
    silence = Silence(kind=kind, reason="preview", starts_at=now, ends_at=now + timedelta(days=1), time_zone="UTC")
    apply_fields(silence, fields, now)
    return silence


class SilenceListView(_SilenceView):
    """While a silence is in force nobody is paged for what it fits; what is still open at its end is told then."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = SoonestEnd

    @extend_schema(responses=SilenceSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        return self.page()

    @extend_schema(request=SilenceWriteSerializer, responses={201: SilenceSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        return self.create()


class SilenceDetailView(_SilenceView):
    """One silence. Deleted, it ends; what it muted stays on record."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=SilenceSerializer, tags=TAGS)
    def get(self, request: Request, silence_id: UUID) -> Response:
        return self.shown(silence_id)

    @extend_schema(request=SilenceWriteSerializer(partial=True), responses=SilenceSerializer, tags=TAGS)
    def patch(self, request: Request, silence_id: UUID) -> Response:
        return self.change(silence_id)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, silence_id: UUID) -> Response:
        return self.remove(silence_id)


class SilenceEndView(_SilenceView):
    """Ends it now; who was held back is told now."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=None, responses=SilenceSerializer, tags=TAGS)
    def post(self, request: Request, silence_id: UUID) -> Response:
        return self.end(silence_id)


class SilencePreviewView(_SilenceView):
    """What it would have fitted over the last seven days; nothing is saved."""

    actions = {"POST": Action.READ_CONFIGURATION}

    @extend_schema(request=SilencePreviewRequestSerializer, responses=PreviewSerializer, tags=TAGS)
    def post(self, request: Request) -> Response:
        return self.preview(SilencePreviewRequestSerializer)


class _WindowView(_SilenceView):
    kind = SilenceKind.MAINTENANCE
    reads = WindowSerializer
    writes = WindowWriteSerializer


class WindowListView(_WindowView):
    """Services or environments on which work is done: nobody is paged for them meanwhile."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = SoonestEnd

    @extend_schema(responses=WindowSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        return self.page()

    @extend_schema(request=WindowWriteSerializer, responses={201: WindowSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        return self.create()


class WindowDetailView(_WindowView):
    """One maintenance window. Deleted, it ends; what it muted stays on record."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=WindowSerializer, tags=TAGS)
    def get(self, request: Request, window_id: UUID) -> Response:
        return self.shown(window_id)

    @extend_schema(request=WindowWriteSerializer(partial=True), responses=WindowSerializer, tags=TAGS)
    def patch(self, request: Request, window_id: UUID) -> Response:
        return self.change(window_id)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, window_id: UUID) -> Response:
        return self.remove(window_id)


class WindowEndView(_WindowView):
    """Ends it now; who was held back is told now."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=None, responses=WindowSerializer, tags=TAGS)
    def post(self, request: Request, window_id: UUID) -> Response:
        return self.end(window_id)


class WindowPreviewView(_WindowView):
    """What it would have fitted over the last seven days; nothing is saved."""

    actions = {"POST": Action.READ_CONFIGURATION}

    @extend_schema(request=WindowPreviewRequestSerializer, responses=PreviewSerializer, tags=TAGS)
    def post(self, request: Request) -> Response:
        return self.preview(WindowPreviewRequestSerializer)

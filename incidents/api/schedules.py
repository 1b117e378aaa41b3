"""On-call schedules for people: schedules, layers, overrides, and who is on call when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import InvalidInput
from incidents.actions.schedule_layers import InvalidLayer, layer_create, layer_delete, layer_move, layer_update
from incidents.actions.schedule_overrides import override_create, override_delete
from incidents.actions.schedules import schedule_create, schedule_delete, schedule_update
from incidents.api.schedule_serializers import (
    LayerSerializer,
    MomentSerializer,
    OnCallSerializer,
    OverrideSerializer,
    ScheduleSerializer,
    ScheduleUpdateSerializer,
    ShiftSerializer,
    SpanSerializer,
    on_call_answer,
)
from incidents.models import Schedule
from incidents.schedules import selectors
from incidents.schedules.selectors import LONGEST_SPAN, OnCall, person_names
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["schedules"]
DEFAULT_SPAN = timedelta(days=14)
LAYER_FIELDS = (
    "name", "participants", "rotation", "unit", "interval", "handover_time", "handover_weekday", "starts_at", "ends_at",
    "restrictions",
)  # fmt: skip


class SchedulePagination(KeysetPagination):
    ordering = ("name", "id")


class OverridePagination(KeysetPagination):
    ordering = ("starts_at", "id")


class ScheduleApiView(OrganizationApiView):
    def read(self, serializer_class: Any, data: Any = None, **options: Any) -> Any:
        """What the body, or the query, says; raises a validation error for what is wrong with it."""
        serializer = serializer_class(data=self.request.data if data is None else data, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def span(self, request: Request, default: timedelta = DEFAULT_SPAN) -> tuple[Any, Any]:
        """``from`` and ``to`` of the query; from now on where they are not given."""
        query = self.read(SpanSerializer, request.query_params)
        start = query.get("from") or (query["to"] - default if "to" in query else timezone.now())
        end = query.get("to") or start + default
        if not start < end <= start + LONGEST_SPAN:
            raise InvalidInput("to", f"Write a time after from, and at most {LONGEST_SPAN.days} days after it.")
        return start, end


def shown_schedules(found: list[Schedule]) -> list[Any]:
    named = {user_id for one in found for layer in one.layers.all() for user_id in layer.participants}  # type: ignore[attr-defined]
    return list(ScheduleSerializer(found, many=True, context={"names": person_names(named)}).data)


def shown_layers(found: list[Any]) -> list[Any]:
    names = person_names(user_id for layer in found for user_id in layer.participants)
    return list(LayerSerializer(found, many=True, context={"names": names}).data)


def layer_fields(values: Any) -> Any:
    return {name: values[name] for name in LAYER_FIELDS if name in values}


class ScheduleListView(ScheduleApiView):
    """The organization's on-call schedules."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = SchedulePagination

    @extend_schema(responses=ScheduleSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = SchedulePagination()
        page = paginator.paginate_queryset(selectors.schedules(), request, self)
        return paginator.get_paginated_response(shown_schedules(page))

    @extend_schema(request=ScheduleSerializer, responses={201: ScheduleSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Makes a schedule, and its layers if they come along; all of it or nothing."""
        values = self.read(ScheduleSerializer)
        layers = values.pop("layers", [])
        with transaction.atomic():
            schedule = schedule_create(actor=self.member.actor, **values)
            for index, fields in enumerate(layers):
                try:
                    layer_create(schedule_id=schedule.pk, actor=self.member.actor, fields=layer_fields(fields))
                except InvalidLayer as fault:
                    raise InvalidLayer(
                        [(f"layers[{index}].{e['field']}", e["message"]) for e in fault.members["errors"]]
                    ) from fault
        return Response(shown_schedules([selectors.get_schedule(schedule.pk)])[0], status=201)


class ScheduleDetailView(ScheduleApiView):
    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=ScheduleSerializer, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        return Response(shown_schedules([selectors.get_schedule(schedule_id)])[0])

    @extend_schema(request=ScheduleUpdateSerializer, responses=ScheduleSerializer, tags=TAGS)
    def patch(self, request: Request, schedule_id: UUID) -> Response:
        selectors.get_schedule(schedule_id)
        schedule_update(schedule_id=schedule_id, actor=self.member.actor, changes=self.read(ScheduleUpdateSerializer))
        return self.get(request, schedule_id)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        schedule_delete(schedule_id=schedule_id, actor=self.member.actor)
        return Response(status=204)


class LayerListView(ScheduleApiView):
    """A schedule's layers, the one with priority first."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    @extend_schema(responses=LayerSerializer(many=True), tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        layers = list(selectors.get_schedule(schedule_id).layers.all())  # type: ignore[attr-defined]
        return Response({"results": shown_layers(layers), "next": None, "previous": None})

    @extend_schema(request=LayerSerializer, responses={201: LayerSerializer}, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        selectors.get_schedule(schedule_id)
        values = self.read(LayerSerializer)
        with transaction.atomic():
            layer = layer_create(schedule_id=schedule_id, actor=self.member.actor, fields=layer_fields(values))
            if "position" in values:
                layer_move(
                    schedule_id=schedule_id, layer_id=layer.pk, actor=self.member.actor, position=values["position"]
                )
        return Response(shown_layers([selectors.get_layer(schedule_id, layer.pk)])[0], status=201)


class LayerDetailView(ScheduleApiView):
    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=LayerSerializer, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID, layer_id: UUID) -> Response:
        return Response(shown_layers([selectors.get_layer(schedule_id, layer_id)])[0])

    @extend_schema(request=LayerSerializer(partial=True), responses=LayerSerializer, tags=TAGS)
    def patch(self, request: Request, schedule_id: UUID, layer_id: UUID) -> Response:
        """Changes the layer, and with ``position`` moves it among the others."""
        selectors.get_layer(schedule_id, layer_id)
        values = self.read(LayerSerializer, partial=True)
        actor, names = self.member.actor, {"schedule_id": schedule_id, "layer_id": layer_id}
        with transaction.atomic():
            layer_update(**names, actor=actor, changes=layer_fields(values))
            if "position" in values:
                layer_move(**names, actor=actor, position=values["position"])
        return self.get(request, schedule_id, layer_id)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, schedule_id: UUID, layer_id: UUID) -> Response:
        layer_delete(schedule_id=schedule_id, layer_id=layer_id, actor=self.member.actor)
        return Response(status=204)


class OverrideListView(ScheduleApiView):
    """Who is on call instead of whoever the layers say, by its beginning; ``from`` and ``to`` narrow it."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = OverridePagination

    @extend_schema(parameters=[SpanSerializer], responses=OverrideSerializer(many=True), tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        overrides = selectors.overrides_of(selectors.get_schedule(schedule_id))
        query = self.read(SpanSerializer, request.query_params)
        if "from" in query:
            overrides = overrides.filter(ends_at__gt=query["from"])
        if "to" in query:
            overrides = overrides.filter(starts_at__lt=query["to"])
        paginator = OverridePagination()
        page = paginator.paginate_queryset(overrides, request, self)
        return paginator.get_paginated_response(OverrideSerializer(page, many=True).data)

    @extend_schema(request=OverrideSerializer, responses={201: OverrideSerializer}, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """Of two overrides at the same time the later made one holds."""
        selectors.get_schedule(schedule_id)
        override = override_create(schedule_id=schedule_id, actor=self.member.actor, **self.read(OverrideSerializer))
        return Response(OverrideSerializer(override).data, status=201)


class OverrideDetailView(ScheduleApiView):
    actions = {"GET": Action.READ_CONFIGURATION, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=OverrideSerializer, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID, override_id: UUID) -> Response:
        return Response(OverrideSerializer(selectors.get_override(schedule_id, override_id)).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, schedule_id: UUID, override_id: UUID) -> Response:
        """One that is under way ends now."""
        override_delete(schedule_id=schedule_id, override_id=override_id, actor=self.member.actor)
        return Response(status=204)


class OnCallView(ScheduleApiView):
    """Who is on call on the schedule, now or ``at`` another moment, and what follows."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(parameters=[MomentSerializer], responses=OnCallSerializer, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        return Response(on_call_answers(self, [selectors.get_schedule(schedule_id)])[0])


class OnCallEverywhereView(ScheduleApiView):
    """As …/on-call, for every schedule."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(parameters=[MomentSerializer], responses=OnCallSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        answers = on_call_answers(self, list(selectors.schedules()))
        return Response({"results": answers, "next": None, "previous": None})


def on_call_answers(view: ScheduleApiView, found: list[Schedule]) -> list[dict[str, Any]]:
    at = view.read(MomentSerializer, view.request.query_params).get("at") or timezone.now()
    answers: list[OnCall] = selectors.on_call(found, at)
    shifts = [shift for answer in answers for shift in (answer.shift, answer.following) if shift is not None]
    names = person_names(shift.user for shift in shifts if shift.user is not None)
    return [on_call_answer(answer, at, names) for answer in answers]


class ShiftListView(ScheduleApiView):
    """The final schedule with its gaps, between ``from`` and ``to``: two weeks from now, or at most a year."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(parameters=[SpanSerializer], responses=ShiftSerializer(many=True), tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        schedule = selectors.get_schedule(schedule_id)
        shifts = selectors.shifts_between(schedule, *self.span(request))
        names = person_names(shift.user for shift in shifts if shift.user is not None)
        results = ShiftSerializer(shifts, many=True, context={"names": names}).data
        return Response({"results": results, "next": None, "previous": None})

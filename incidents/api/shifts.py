"""What responders do with shifts themselves: taking one, and asking for a swap."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import NotFound
from incidents.actions.schedule_overrides import shift_take
from incidents.actions.shift_swaps import swap_accept, swap_ask, swap_decline, swap_withdraw
from incidents.api.schedule_serializers import OverrideSerializer, SwapSerializer, TakeSerializer
from incidents.api.schedules import TAGS, ScheduleApiView
from incidents.models import ShiftSwap
from incidents.schedules import selectors
from organizations.access import Action


class SwapPagination(KeysetPagination):
    ordering = "-id"


class TakeView(ScheduleApiView):
    """Puts oneself on call for a time; what is over of it already stays as it was."""

    actions = {"POST": Action.TAKE_SHIFTS}

    @extend_schema(request=TakeSerializer, responses={201: OverrideSerializer}, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        selectors.get_schedule(schedule_id)
        override = shift_take(schedule_id=schedule_id, actor=self.member.actor, **self.read(TakeSerializer))
        return Response(OverrideSerializer(override).data, status=201)


class SwapListView(ScheduleApiView):
    """Requests that somebody else take a shift, newest first."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.TAKE_SHIFTS}
    pagination_class = SwapPagination

    @extend_schema(responses=SwapSerializer(many=True), tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> Response:
        paginator = SwapPagination()
        swaps = selectors.swaps_of(selectors.get_schedule(schedule_id))
        page = paginator.paginate_queryset(swaps, request, self)
        return paginator.get_paginated_response(SwapSerializer(page, many=True).data)

    @extend_schema(request=SwapSerializer, responses={201: SwapSerializer}, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """Asks for one's own shift to be taken, perhaps for one of the asked person's in return."""
        selectors.get_schedule(schedule_id)
        values = self.read(SwapSerializer)
        span = values["return_starts_at"], values["return_ends_at"]
        swap = swap_ask(
            schedule_id=schedule_id,
            actor=self.member.actor,
            starts_at=values["starts_at"],
            ends_at=values["ends_at"],
            asked=values["asked_id"],
            in_return=None if span[0] is None else span,
            message=values["message"],
        )
        return Response(SwapSerializer(swap).data, status=201)


class SwapDetailView(ScheduleApiView):
    actions = {"GET": Action.READ_CONFIGURATION, "DELETE": Action.TAKE_SHIFTS}

    @extend_schema(responses=SwapSerializer, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID, swap_id: UUID) -> Response:
        swap = selectors.swaps_of(selectors.get_schedule(schedule_id)).filter(pk=swap_id).first()
        if swap is None:
            raise NotFound()
        return Response(SwapSerializer(swap).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, schedule_id: UUID, swap_id: UUID) -> Response:
        """The requester asks no longer."""
        swap_withdraw(schedule_id=schedule_id, swap_id=swap_id, actor=self.member.actor)
        return Response(status=204)


class SwapDecisionView(ScheduleApiView):
    """What the person who was asked answers."""

    actions = {"POST": Action.TAKE_SHIFTS}
    decide: ClassVar[Any]

    @extend_schema(request=None, responses=SwapSerializer, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID, swap_id: UUID) -> Response:
        decide = type(self).decide
        swap: ShiftSwap = decide(schedule_id=schedule_id, swap_id=swap_id, actor=self.member.actor)
        return Response(SwapSerializer(swap).data)


class SwapAcceptView(SwapDecisionView):
    """Accepts: the schedule changes at once."""

    decide = staticmethod(swap_accept)


class SwapDeclineView(SwapDecisionView):
    """Declines; only the person who was asked by name can."""

    decide = staticmethod(swap_decline)

"""Page drills: what is tried before it is needed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications import selectors
from notifications.actions.drill_plan import drill_start
from notifications.api.serializers import DrillFilterSerializer, DrillSerializer
from notifications.api.views import NewestFirst, validated
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class DrillListView(OrganizationApiView):
    """All drills, newest first."""

    actions = {"GET": Action.READ_CONFIGURATION}
    pagination_class = NewestFirst

    @extend_schema(parameters=[DrillFilterSerializer], responses=DrillSerializer(many=True), tags=["notifications"])
    def get(self, request: Request) -> Response:
        rows = selectors.drills().filter(**validated(DrillFilterSerializer, request.query_params))
        paginator = NewestFirst()
        page: Any = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(DrillSerializer(page, many=True).data)


class ChannelDrillView(OrganizationApiView):
    """A drill through the channel, now; what comes of it is in the list within seconds."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=None, responses={202: DrillSerializer}, tags=["notifications"])
    def post(self, request: Request, channel_id: UUID) -> Response:
        drill = drill_start(actor=self.member.actor, channel_id=channel_id)
        return Response(DrillSerializer(drill).data, status=202)

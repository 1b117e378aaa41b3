"""Calendar feeds. A calendar program sends no credential, so the address itself holds one: ``?token=``."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import enter_scope
from incidents.actions.calendar_feeds import FeedHolder, feed_revoke, feed_rotate, find_feed_holder
from incidents.api.schedule_serializers import FeedSerializer
from incidents.api.schedules import TAGS
from incidents.models import Schedule
from incidents.schedules.feeds import feed_address, person_feed, schedule_feed
from incidents.schedules.selectors import get_schedule
from organizations.access import Action
from organizations.api.base import DEAD_CREDENTIAL, OrganizationApiView
from organizations.members import Member, member_of_user
from organizations.models import User

CALENDAR_TYPE = "text/calendar"
TOKEN = OpenApiParameter("token", str, description="From …/calendar-token; a person's bearer credential does as well.")


class FeedTokenAuthentication(BaseAuthentication):
    """``?token=…``. The person's role is read afresh, and the token opens nothing but its own feed."""

    def authenticate(self, request: Request) -> tuple[User, Member] | None:
        token = request.query_params.get("token")
        if token is None:
            return None
        holder = find_feed_holder(token)
        user = User.objects.filter(pk=holder.user_id).first() if holder else None
        member = member_of_user(user) if user else None
        if holder is None or user is None or member is None:
            raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL)
        enter_scope(member.organization_id, member.actor)
        request._request.feed_holder = holder  # type: ignore[attr-defined]
        return user, member

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class FeedTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = FeedTokenAuthentication
    name = "calendar"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "query", "name": "token", "description": "A calendar feed's own token."}


class CalendarRenderer(BaseRenderer):
    """Lets a program ask for ``text/calendar``; what it renders itself are problem documents."""

    media_type = CALENDAR_TYPE
    format = "ics"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data).encode()


class CalendarView(OrganizationApiView):
    authentication_classes = [FeedTokenAuthentication, *OrganizationApiView.authentication_classes]
    renderer_classes = [CalendarRenderer, JSONRenderer]

    def require_feed_of(self, request: Request, schedule_id: UUID | None) -> None:
        """Raises NotFound where the address holds the token of another feed."""
        holder: FeedHolder | None = getattr(request._request, "feed_holder", None)
        if holder is not None and holder.schedule_id != schedule_id:
            raise NotFound()

    def document(self, text: str) -> HttpResponse:
        return HttpResponse(
            text, content_type=f"{CALENDAR_TYPE}; charset=utf-8", headers={"Cache-Control": "private, max-age=300"}
        )


class ScheduleCalendarView(CalendarView):
    """Everybody's shifts on the schedule: last month's and those of the next 180 days."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(parameters=[TOKEN], responses={(200, CALENDAR_TYPE): OpenApiTypes.STR}, tags=TAGS)
    def get(self, request: Request, schedule_id: UUID) -> HttpResponse:
        self.require_feed_of(request, schedule_id)
        return self.document(schedule_feed(get_schedule(schedule_id), timezone.now()))


class PersonCalendarView(CalendarView):
    """One's own shifts on every schedule."""

    actions = {"GET": Action.READ_CONFIGURATION}

    @extend_schema(parameters=[TOKEN], responses={(200, CALENDAR_TYPE): OpenApiTypes.STR}, tags=TAGS)
    def get(self, request: Request) -> HttpResponse:
        self.require_feed_of(request, None)
        return self.document(person_feed(self.member.user.pk, str(self.member.user), timezone.now()))


class ScheduleCalendarTokenView(OrganizationApiView):
    """The secret part of one's own address of a schedule's feed."""

    actions = {"POST": Action.READ_CONFIGURATION, "DELETE": Action.READ_CONFIGURATION}

    @extend_schema(request=None, responses={201: FeedSerializer}, tags=TAGS)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """Makes a new token, shown this once; the one before is dead at once."""
        return self.rotated(get_schedule(schedule_id))

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        return self.revoked(get_schedule(schedule_id))

    def rotated(self, schedule: Schedule | None) -> Response:
        issued = feed_rotate(actor=self.member.actor, user_id=self.member.user.pk, schedule=schedule)
        return Response({"token": issued.token, "url": feed_address(schedule, issued.token)}, status=201)

    def revoked(self, schedule: Schedule | None) -> Response:
        feed_revoke(actor=self.member.actor, user_id=self.member.user.pk, schedule=schedule)
        return Response(status=204)


class PersonCalendarTokenView(ScheduleCalendarTokenView):
    """The secret part of the address of one's own shifts."""

    @extend_schema(request=None, responses={201: FeedSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:  # type: ignore[override]
        """Makes a new token, shown this once; the one before is dead at once."""
        return self.rotated(None)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request) -> Response:  # type: ignore[override]
        return self.revoked(None)

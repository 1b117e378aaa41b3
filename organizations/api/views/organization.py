"""The organization, its members and its join code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import NotFound
from organizations import selectors
from organizations.access import Action, Role
from organizations.actions.join_codes import join_code_rotate
from organizations.actions.members import member_change, password_link_issue
from organizations.actions.organization import organization_update
from organizations.api.base import OrganizationApiView
from organizations.api.serializers import (
    JoinCodeRotateSerializer,
    JoinCodeSerializer,
    MemberChangeSerializer,
    MemberSerializer,
    OrganizationSerializer,
    PasswordLinkSerializer,
)

TAGS = ["organization"]


class OrganizationView(OrganizationApiView):
    """The organization's settings."""

    actions = {"GET": Action.READ_ORGANIZATION, "PATCH": Action.MANAGE_ORGANIZATION}

    @extend_schema(responses=OrganizationSerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        return Response(OrganizationSerializer(self.member.organization).data)

    @extend_schema(request=OrganizationSerializer(partial=True), responses=OrganizationSerializer, tags=TAGS)
    def patch(self, request: Request) -> Response:
        serializer = OrganizationSerializer(self.member.organization, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        organization = organization_update(
            organization_id=self.member.organization_id, actor=self.member.actor, changes=serializer.validated_data
        )
        return Response(OrganizationSerializer(organization).data)


class MemberPagination(KeysetPagination):
    ordering = ("joined_at", "id")


class MemberListView(OrganizationApiView):
    """The organization's members, the deactivated ones included."""

    actions = {"GET": Action.READ_MEMBERS}
    pagination_class = MemberPagination

    @extend_schema(responses=MemberSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        return paginated(self, selectors.members(), MemberSerializer, MemberPagination())


class MemberDetailView(OrganizationApiView):
    """One member; PATCH promotes, demotes, deactivates or reactivates, from their next request on."""

    actions = {"GET": Action.READ_MEMBERS, "PATCH": Action.MANAGE_MEMBERS}

    @extend_schema(responses=MemberSerializer, tags=TAGS)
    def get(self, request: Request, membership_id: UUID) -> Response:
        return Response(MemberSerializer(selectors.get_member(membership_id)).data)

    @extend_schema(request=MemberChangeSerializer, responses=MemberSerializer, tags=TAGS)
    def patch(self, request: Request, membership_id: UUID) -> Response:
        serializer = MemberChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(serializer.validated_data)
        if "role" in data:
            data["role"] = Role(data["role"])
        member_change(membership_id=membership_id, actor=self.member.actor, **data)
        return Response(MemberSerializer(selectors.get_member(membership_id)).data)


class PasswordLinkView(OrganizationApiView):
    """A one-time link with which the member sets a new password; for installations without e-mail."""

    actions = {"POST": Action.MANAGE_MEMBERS}

    @extend_schema(request=None, responses={201: PasswordLinkSerializer}, tags=TAGS)
    def post(self, request: Request, membership_id: UUID) -> Response:
        issued = password_link_issue(membership_id=membership_id, actor=self.member.actor, issued_by=self.member.user)
        return Response({"url": issued.url, "expires_at": issued.link.expires_at}, status=201)


class JoinCodeView(OrganizationApiView):
    """The one living join code; POST replaces it."""

    actions = {"GET": Action.MANAGE_MEMBERS, "POST": Action.MANAGE_MEMBERS}

    @extend_schema(responses=JoinCodeSerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        code = selectors.living_join_code()
        if code is None:
            raise NotFound("No join code is alive; make one with POST.")
        return Response(JoinCodeSerializer(code).data)

    @extend_schema(request=JoinCodeRotateSerializer, responses={201: JoinCodeSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        serializer = JoinCodeRotateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        code = join_code_rotate(
            actor=self.member.actor,
            user_id=self.member.user.pk,
            role=Role(data["role"]),
            expires_in_hours=data["expires_in_hours"],
            max_uses=data["max_uses"],
        )
        return Response(JoinCodeSerializer(code).data, status=201)


def paginated(view: OrganizationApiView, rows: Any, serializer: Any, paginator: KeysetPagination) -> Response:
    """One keyset page of ``rows`` as the API's list."""
    page: list[Any] | None = paginator.paginate_queryset(rows, view.request, view)
    return paginator.get_paginated_response(serializer(page, many=True).data)

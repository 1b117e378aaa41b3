"""Finds out, once a request, whose session it is, and opens that organization's scope."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from incident_center.kernel.api.problems import is_api_path
from incident_center.kernel.scope import enter_scope
from organizations.access import Role
from organizations.members import Member, member_of_user


class PortalRequest(HttpRequest):
    """What a request is after this middleware, for type annotations."""

    member: Member | None


class MemberMiddleware:
    """Sets ``request.member``. A deactivated person's session ends here, at their next request.

    The API authenticates for itself (bearer tokens, keys, or the session under CSRF protection).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponseBase:
        request.member = None
        if not is_api_path(request.path) and not request.path.startswith("/static/"):
            self._recognize(request)
        return self.get_response(request)

    def _recognize(self, request: PortalRequest) -> None:
        user = request.user
        if not user.is_authenticated:
            return
        member = member_of_user(user)  # type: ignore[arg-type]
        if member is not None:
            enter_scope(member.organization_id, member.actor)
            request.member = member
            user.owns_organization = member.role is Role.OWNER
        elif not user.is_operator:  # type: ignore[union-attr]
            logout(request)

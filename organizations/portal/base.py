"""What every page of the portal stands on: a signed-in member whose role may, and errors that stay in the page."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.request_id import current_request_id
from organizations.access import Action, Grant
from organizations.members import Member

SCRIPT_REQUESTS = (("HX-Request", "true"), ("X-Live-Refresh", "1"), ("Accept", "application/json"))
ERROR_PAGES = {400: "400.html", 403: "403.html", 404: "404.html"}


class PortalView(View):
    """A page for members. Subclasses declare ``actions``: the permission behind each method that they take."""

    actions: ClassVar[dict[str, Action]] = {}

    @property
    def member(self) -> Member:
        """Who is looking."""
        member = self.request.member  # type: ignore[attr-defined]
        assert isinstance(member, Member)
        return member

    def dispatch(self, request: HttpRequest, *arguments: Any, **keywords: Any) -> HttpResponseBase:
        method = request.method or ""
        if getattr(request, "member", None) is None:
            return self._ask_to_sign_in(request)
        action = self.actions.get("GET" if method == "HEAD" else method)
        if action is None:
            return HttpResponseNotAllowed(sorted(self.actions))
        if self.member.may(action) is Grant.NO:
            detail = f"Your role ({self.member.role.label}) may not {action.value}."
            return error_page(request, 403, detail)
        try:
            return super().dispatch(request, *arguments, **keywords)
        except Problem as problem:
            return self.refused(problem)

    def refused(self, problem: Problem) -> HttpResponse:
        """The answer to an action's refusal that the view did not put beside a field."""
        return error_page(self.request, problem.status, problem.detail)

    def _ask_to_sign_in(self, request: HttpRequest) -> HttpResponse:
        """A session that has ended is said so; a script's request gets 401, which the page turns into a dialog."""
        if any(request.headers.get(header) == value for header, value in SCRIPT_REQUESTS):
            return HttpResponse(status=401)
        if request.user.is_authenticated:  # An operator, who belongs to no organization.
            return render(request, "portal/no_organization.html", status=403)
        response = redirect_to_login(request.get_full_path(), reverse("account_login"))
        if request.COOKIES.get("sessionid"):
            ended = urlencode({"next": request.get_full_path(), "ended": "1"})
            response["Location"] = f"{reverse('account_login')}?{ended}"
        return response


def error_page(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """An error in the product's own form; htmx gets a fragment that it shows as a notice."""
    template = ERROR_PAGES.get(status, "400.html")
    return render(request, template, {"detail": detail, "request_id": current_request_id()}, status=status)

"""What every API endpoint stands on: who is asking, in which organization, and whether their role may.

The order of answers is the product's: 401 without a live credential, 403 when the role may never do this (before
any look-up), 404 for what is absent or another organization's, 403 for an object that is not one's own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from incident_center.kernel.api.idempotency import answer_once, idempotency_key, request_digest
from incident_center.kernel.scope import enter_scope
from organizations.access import Action
from organizations.api.permissions import KeyPermission, RolePermission
from organizations.api.throttles import KeyThrottle, PersonThrottle
from organizations.keys import KEY_MARK, KeyIdentity, authenticate_key
from organizations.members import Member, member_of_user
from organizations.models import User

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
DEAD_CREDENTIAL = "The credential is unknown, expired or revoked."


def offered_key(request: HttpRequest) -> str | None:
    """The API key that the request carries in either of its two places, or None."""
    if key := request.headers.get("X-API-Key"):
        return key.strip()
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip().startswith(KEY_MARK):
        return value.strip()
    return None


class ServiceKeyAuthentication(BaseAuthentication):
    """``X-API-Key: ick_…`` or ``Authorization: Bearer ick_…``. ``request.auth`` becomes the key's identity."""

    def authenticate(self, request: Request) -> tuple[None, KeyIdentity] | None:
        raw = offered_key(request)
        if raw is None:
            return None
        identity = authenticate_key(raw)
        if identity is None:
            raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL)
        enter_scope(identity.organization_id, identity.actor)
        return None, identity

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class PersonTokenAuthentication(JWTAuthentication):
    """``Authorization: Bearer <access token>``. ``request.auth`` becomes the member, read afresh."""

    def authenticate(self, request: Request) -> tuple[User, Member] | None:  # type: ignore[override]
        header = self.get_header(request)
        raw = None if header is None else self.get_raw_token(header)
        if raw is None or raw.startswith(KEY_MARK.encode()):  # A key is recognized as one, and refused with 403.
            return None
        try:
            user = self.get_user(self.get_validated_token(raw))
        except (InvalidToken, TokenError, exceptions.AuthenticationFailed) as error:
            raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL) from error
        return _person(user)


class PersonSessionAuthentication(SessionAuthentication):
    """The portal's session, with its CSRF token on every write."""

    def authenticate(self, request: Request) -> tuple[User, Member] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        self.enforce_csrf(request)
        return _person(user)


def _person(user: Any) -> tuple[User, Member]:
    member = member_of_user(user)
    if member is None:
        raise exceptions.AuthenticationFailed(DEAD_CREDENTIAL)
    enter_scope(member.organization_id, member.actor)
    return user, member


class OrganizationApiView(APIView):
    """An endpoint for people. Subclasses declare ``actions``: the permission behind each method that they take."""

    authentication_classes: Any = [PersonTokenAuthentication, ServiceKeyAuthentication, PersonSessionAuthentication]
    permission_classes: Any = [RolePermission]
    throttle_classes: Any = [PersonThrottle]
    actions: ClassVar[dict[str, Action]] = {}
    #: Whether an ``Idempotency-Key`` is kept with the answer. Not where the answer is a file that anyone may have anew.
    keeps_answers: ClassVar[bool] = True

    @property
    def member(self) -> Member:
        """Who is asking."""
        assert isinstance(self.request.auth, Member)
        return self.request.auth

    def dispatch(self, request: HttpRequest, *arguments: Any, **keywords: Any) -> Any:
        """DRF's dispatch, with ``Idempotency-Key`` around the handlers of writes."""
        self.args, self.kwargs = arguments, keywords
        wrapped = self.initialize_request(request, *arguments, **keywords)
        self.request = wrapped
        self.headers = self.default_response_headers
        response: Any
        try:
            self.initial(wrapped, *arguments, **keywords)
            key = idempotency_key(request) if wrapped.method in WRITES and self.keeps_answers else None
            if key is None:
                response = self._handle(wrapped)
            else:
                response = answer_once(
                    principal=str(self.member.actor),
                    key=key,
                    digest=request_digest(request, request.body),
                    produce=lambda: self._handle(wrapped),
                )
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(wrapped, response, *arguments, **keywords)
        return self.response

    def _handle(self, request: Request) -> Response:
        method = (request.method or "").lower()
        handler = getattr(self, method, self.http_method_not_allowed)
        if method not in self.http_method_names:
            handler = self.http_method_not_allowed
        try:
            return handler(request, *self.args, **self.kwargs)  # type: ignore[no-any-return]
        except Exception as error:
            return self.handle_exception(error)


class IntakeApiView(APIView):
    """An endpoint for services: keys only, people are refused with 403."""

    authentication_classes: Any = [ServiceKeyAuthentication, PersonTokenAuthentication]
    permission_classes: Any = [KeyPermission]
    throttle_classes: Any = [KeyThrottle]

    @property
    def key(self) -> KeyIdentity:
        """The key that speaks."""
        assert isinstance(self.request.auth, KeyIdentity)
        return self.request.auth


class PersonTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PersonTokenAuthentication
    name = "person"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        minutes = settings.ENVIRONMENT.access_token_minutes
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"A person's access token, from /v1/auth/login. It lives for {minutes} minutes.",
        }


class ServiceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ServiceKeyAuthentication
    name = "service"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A service's or gateway's key."}


class PersonSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PersonSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}

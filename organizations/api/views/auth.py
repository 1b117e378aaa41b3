"""Registering, signing in and out by token. The same throttle and second factor as the portal's sign-in."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from incident_center.kernel.api.problems import PROBLEM_JSON, TooManyRequests, problem_document
from incident_center.kernel.scope import organization_scope
from organizations.access import Action
from organizations.actions.found_organization import organization_found
from organizations.actions.join_codes import organization_join
from organizations.api.base import OrganizationApiView
from organizations.api.serializers import (
    LoginSerializer,
    MemberSelfSerializer,
    RefreshSerializer,
    RegisterSerializer,
    SignedInSerializer,
    TokenPairSerializer,
)
from organizations.members import Member, member_of_user
from organizations.models import User
from organizations.tokens import DeadTokenError, TokenPair, consume_refresh_token, issue_tokens

THROTTLE_SECONDS = 60
WRONG_CREDENTIALS = "The e-mail address or the password is wrong."
DEAD_TOKEN = "The refresh token is unknown, expired or used; sign in again."  # noqa: S105


class PublicApiView(APIView):
    """An endpoint for whoever has no credential yet. A test lists all of these by name."""

    authentication_classes: Any = []
    permission_classes: Any = []

    def get_authenticate_header(self, request: Request) -> str:
        """What makes a refusal 401 instead of 403: there is a way to authenticate, just not this."""
        return 'Bearer realm="api"'


def signed_in(member: Member, tokens: TokenPair) -> dict[str, Any]:
    with organization_scope(member.organization_id, actor=member.actor):
        user = MemberSelfSerializer(member).data
    return {"access": tokens.access, "refresh": tokens.refresh, "user": user}


def _member(user: User) -> Member:
    member = member_of_user(user)
    if member is None:
        raise exceptions.AuthenticationFailed(WRONG_CREDENTIALS)
    return member


class RegisterView(PublicApiView):
    """Found an organization, or join one by its code."""

    @extend_schema(request=RegisterSerializer, responses={201: SignedInSerializer}, tags=["accounts"])
    def post(self, request: Request) -> Response:
        throttle_sign_up(request._request)
        serializer = RegisterSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        person = {name: data[name] for name in ("email", "password", "name")}
        if "join_code" in data:
            membership = organization_join(**person, join_code=data["join_code"])
        else:
            membership = organization_found(
                **person, organization_name=data["organization_name"], time_zone=data["timezone"]
            )
        return Response(signed_in(_member(membership.user), issue_tokens(membership.user)), status=201)


def throttle_sign_up(request: HttpRequest) -> None:
    """Raises TooManyRequests above 20 sign-ups a minute from one address."""

    if not ratelimit.consume(request, action="signup"):
        raise TooManyRequests("Too many sign-ups from this address; wait a minute.", retry_after=THROTTLE_SECONDS)


class LoginView(PublicApiView):
    """Sign in with e-mail and password, and ``otp`` where the person has a second factor."""

    @extend_schema(
        request=LoginSerializer,
        responses={200: SignedInSerializer, 401: OpenApiResponse(description="Wrong, or `mfa_required: true`")},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        user = self._authenticate(request._request, data["email"].strip().lower(), data["password"])
        member = _member(user)
        if is_mfa_enabled(user):
            if "otp" not in data:
                body = problem_document(401, "Send the second factor as otp.", mfa_required=True)
                return Response(body, status=401, content_type=PROBLEM_JSON)
            form = AuthenticateForm(data={"code": data["otp"]}, user=user)
            if not form.is_valid():
                if form.has_error("code", "too_many_login_attempts"):
                    raise TooManyRequests("Too many wrong codes; wait before the next.", retry_after=THROTTLE_SECONDS)
                body = problem_document(401, "The code is wrong or was used already.", mfa_required=True)
                return Response(body, status=401, content_type=PROBLEM_JSON)
        return Response(signed_in(member, issue_tokens(user)))

    @staticmethod
    def _authenticate(request: HttpRequest, email: str, password: str) -> User:
        """allauth's own check, so that guesses here and in the portal share one count."""
        try:
            user = get_adapter(request).authenticate(request, email=email, password=password)
        except ValidationError as error:
            raise TooManyRequests(
                "Too many failed sign-ins; wait before the next.", retry_after=THROTTLE_SECONDS
            ) from error
        if user is None:
            raise exceptions.AuthenticationFailed(WRONG_CREDENTIALS)
        return user  # type: ignore[no-any-return]


class RefreshView(PublicApiView):
    """A new pair of tokens for a refresh token, which dies."""

    @extend_schema(request=RefreshSerializer, responses={200: TokenPairSerializer}, tags=["accounts"])
    def post(self, request: Request) -> Response:
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            user = consume_refresh_token(serializer.validated_data["refresh"])
        except DeadTokenError as error:
            raise exceptions.AuthenticationFailed(DEAD_TOKEN) from error
        if member_of_user(user) is None:
            raise exceptions.AuthenticationFailed(DEAD_TOKEN)
        tokens = issue_tokens(user)
        return Response({"access": tokens.access, "refresh": tokens.refresh})


class LogoutView(PublicApiView):
    """Ends a refresh token. One that is dead already is no error."""

    @extend_schema(request=RefreshSerializer, responses={204: None}, tags=["accounts"])
    def post(self, request: Request) -> Response:
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            consume_refresh_token(serializer.validated_data["refresh"])
        except DeadTokenError:
            return Response(status=204)
        return Response(status=204)


class MeView(OrganizationApiView):
    """Who I am."""

    actions = {"GET": Action.OWN_ACCOUNT}

    @extend_schema(responses=MemberSelfSerializer, tags=["accounts"])
    def get(self, request: Request) -> Response:
        return Response(MemberSelfSerializer(self.member).data)

"""Whose WebSocket it is, asked at its start and again while it lives: a role change or a logout holds here too."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import validate_host
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from incident_center.kernel.scope import no_scope
from organizations.keys import KEY_MARK
from organizations.members import Member, member_of_user
from organizations.models import User


class ForeignOriginError(PermissionError):
    """The page that opened the connection is not one of ours."""


class WrongCredentialError(PermissionError):
    """The credential is a service's: live updates are for people."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An access token or a session's key. ``expires_at`` is seconds of Unix time; a session's end is its own affair."""

    token: str = ""
    session_key: str = ""
    expires_at: float = float("inf")

    @property
    def has_expired(self) -> bool:
        return time.time() >= self.expires_at


def offered_credential(scope: Mapping[str, Any]) -> Credential | None:
    """What the handshake brings: ``?token=`` first, then ``Authorization``, then the session's cookie.

    Raises:
        ForeignOriginError: a page of another origin asks. Cookies travel with such a request, so it is refused.
        WrongCredentialError: an API key.
    """
    headers = {bytes(name).lower(): bytes(value).decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is not None and not _is_ours(origin, headers.get(b"host", "")):
        raise ForeignOriginError(origin)
    query = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1"))
    scheme, _, bearer = headers.get(b"authorization", "").partition(" ")
    token = query.get("token", [""])[0] or (bearer.strip() if scheme.lower() == "bearer" else "")
    if token.startswith(KEY_MARK) or b"x-api-key" in headers:
        raise WrongCredentialError("an API key")
    if token:
        return Credential(token=token)
    session_key = _session_key(headers.get(b"cookie", ""))
    # A cookie without an origin comes from no browser; its sender could have set any origin, but must have the cookie.
    return Credential(session_key=session_key) if session_key else None


def _is_ours(origin: str, host: str) -> bool:
    asked = urlsplit(origin)
    if asked.scheme not in ("http", "https"):
        return False
    base = urlsplit(settings.BASE_URL)
    if (asked.scheme, asked.netloc) == (base.scheme, base.netloc):
        return True
    return asked.netloc == host and validate_host(asked.hostname or "", settings.ALLOWED_HOSTS)


def _session_key(cookie_header: str) -> str:
    try:
        morsel = SimpleCookie(cookie_header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def recognize(credential: Credential) -> tuple[Member, Credential] | None:
    """The active member behind the credential as of now, and the credential with its expiry; None when it is dead."""
    with no_scope():
        user, expires_at = _person_of_token(credential.token) if credential.token else _person_of_session(credential)
        member = member_of_user(user) if user is not None else None
    if member is None:
        return None
    return member, Credential(credential.token, credential.session_key, expires_at)


def _person_of_token(raw: str) -> tuple[User | None, float]:
    authentication = JWTAuthentication()
    try:
        token = authentication.get_validated_token(raw.encode())
        return authentication.get_user(token), float(token["exp"])  # type: ignore[return-value]
    except (TokenError, AuthenticationFailed):
        return None, 0.0


def _person_of_session(credential: Credential) -> tuple[User | None, float]:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(credential.session_key)
    user = get_user(request)
    return (user, float("inf")) if isinstance(user, User) else (None, 0.0)

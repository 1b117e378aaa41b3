"""A person's JWTs: a short access token, and a refresh token that is used once.

A token says who, never which role. It dies with the password (CHECK_REVOKE_TOKEN), with the person's membership
(read at every request), and, for refresh tokens, with its first use or with logout.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from organizations.models import User


class DeadTokenError(ValueError):
    """The refresh token is malformed, expired, used, or its person's password has changed."""


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


def issue_tokens(user: User) -> TokenPair:
    refresh = RefreshToken.for_user(user)
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def consume_refresh_token(raw: str) -> User:
    """Ends the refresh token and returns its person. Of two that use it at once, one gets through.

    Raises:
        DeadTokenError: the token does not live.
    """
    try:
        token = RefreshToken(raw)  # type: ignore[arg-type]
    except TokenError as error:
        raise DeadTokenError(str(error)) from error
    user = User.objects.filter(pk=token.get(api_settings.USER_ID_CLAIM), is_active=True).first()
    if user is None or token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise DeadTokenError("the token's person has changed their password or left")
    with transaction.atomic():
        outstanding = OutstandingToken.objects.select_for_update().filter(jti=token[api_settings.JTI_CLAIM]).first()
        if outstanding is None:
            raise DeadTokenError("the token was not issued here")
        _, was_alive = BlacklistedToken.objects.get_or_create(token=outstanding)
    if not was_alive:
        raise DeadTokenError("the token was used already")
    return user

"""How django-allauth's pages (sign-in, second factor, passwords) fit this product."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from incident_center.kernel import secrets
from incident_center.kernel.portal import navigation
from organizations.members import member_of_user


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People arrive through our own two pages (found an organization, join one), never through allauth's sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where the role begins. An address that was asked for before signing in goes first; allauth sees to that."""
        member = member_of_user(request.user)  # type: ignore[arg-type]
        return navigation.home(member) if member else str(super().get_login_redirect_url(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Where no e-mail leaves the installation nothing is pretended: the page points to the owner's link."""
        if settings.EMAIL_CONFIGURED:
            super().send_mail(template_prefix, email, context)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the secrets of authenticator apps and recovery codes encrypted: whoever reads a backup has no codes."""

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Those of before stand in the clear, and none of them looks like a token of Fernet."""
        if not encrypted_text.startswith(secrets.TOKEN_MARK):
            return encrypted_text
        return secrets.decrypt(encrypted_text)

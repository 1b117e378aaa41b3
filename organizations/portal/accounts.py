"""How django-allauth's pages (sign-in, second factor, passwords) fit this product."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People arrive through our own two pages (found an organization, join one), never through allauth's sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Where no e-mail leaves the installation nothing is pretended: the page points to the owner's link."""
        if settings.EMAIL_CONFIGURED:
            super().send_mail(template_prefix, email, context)

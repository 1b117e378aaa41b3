"""What every page's template has at hand, beside what its own view gives it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from incident_center.kernel.portal.banners import Banner, banners
from incident_center.kernel.portal.navigation import NavigationEntry, entries, home

LIVE_INCIDENTS_PATH = "/live/incidents"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give the frame its navigation and addresses.

    `navigation` and `shell_banners` hold nothing for a visitor who is not signed in. They are worked out on first use,
    so a page without the frame (sign-in, an htmx fragment) pays for no count.
    """
    member = getattr(request, "member", None)

    def navigation() -> list[NavigationEntry]:
        return entries(request, member) if member is not None else []

    def shell_banners() -> list[Banner]:
        return banners(request) if member is not None else []

    return {
        "member": member,
        "shell_banners": SimpleLazyObject(shell_banners),
        "navigation": SimpleLazyObject(navigation),
        "home_url": home(member) if member is not None else "/",
        "palette_url": _optional("portal:palette"),
        "live_url": LIVE_INCIDENTS_PATH if member is not None else "",
        "signup_allowed": settings.ALLOW_SIGNUP,
        "email_configured": settings.EMAIL_CONFIGURED,
    }


def _optional(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""

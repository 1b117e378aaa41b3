"""A record that is not intact is said above every page, to those who may read it."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from audit import selectors
from incident_center.kernel.portal.banners import Banner
from organizations.access import Action
from organizations.members import Member


def broken_chain(request: HttpRequest) -> Banner | None:
    member = getattr(request, "member", None)
    if not isinstance(member, Member) or not member.can(Action.READ_AUDIT):
        return None
    verification = selectors.last_verification()
    if verification is None or verification.valid:
        return None
    return Banner("The audit log is not intact.", verification.fault, reverse("audit:audit"), "See what was found")

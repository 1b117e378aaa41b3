"""Who a note speaks to: ``@ada.lovelace`` (the part of an e-mail address before its @) or ``@ada@example.com``."""

from __future__ import annotations

import re

from organizations.access import Action, Role, allows
from organizations.models import Membership

_HANDLE = re.compile(r"(?<![\w@])@([\w.+-]+(?:@[\w-]+(?:\.[\w-]+)+)?)")
#: Whoever needs to reach more people at once escalates.
MOST_MENTIONED = 20


def handle_of(email: str) -> str:
    return email.partition("@")[0].lower()


def mentionable() -> list[Membership]:
    """The active members who may read every incident, by name."""
    roles = [role for role in Role if allows(role, Action.READ_LOGS)]
    members = Membership.objects.filter(is_active=True, role__in=roles).select_related("user")
    return list(members.order_by("user__name"))


def mentioned(body: str) -> list[Membership]:
    """The members whom the text names, each once. A handle that two people share names neither."""
    handles = [handle.lower().rstrip(".") for handle in _HANDLE.findall(body)][:MOST_MENTIONED]
    if not handles:
        return []
    by_handle: dict[str, list[Membership]] = {}
    for member in mentionable():
        for handle in (handle_of(member.user.email), member.user.email.lower()):
            by_handle.setdefault(handle, []).append(member)
    named = [by_handle[handle][0] for handle in handles if len(by_handle.get(handle, ())) == 1]
    return list({member.pk: member for member in named}.values())

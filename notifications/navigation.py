"""Where this app's pages stand in the shell."""

from __future__ import annotations

from django.http import HttpRequest

from incident_center.kernel.portal.navigation import NavigationItem, register
from notifications.selectors import unread_count
from organizations.access import Action


def unread(request: HttpRequest) -> int:
    return unread_count(request.member)  # type: ignore[attr-defined]


register(
    NavigationItem(
        "Inbox",
        "notifications:inbox",
        "inbox",
        Action.OWN_ACCOUNT,
        order=5,
        count=unread,
        shortcut="n",
        on_phone=True,
        place="top",
    )
)
register(
    NavigationItem("Notifications", "notifications:channels", "bell", Action.READ_CONFIGURATION, order=70, shortcut="c")
)

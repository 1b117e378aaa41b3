"""Where the pages of this app stand in the navigation, and what the palette finds of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse

from incident_center.kernel.portal import navigation, palette
from incident_center.kernel.portal.navigation import NavigationItem
from incident_center.kernel.portal.palette import PaletteItem
from organizations import selectors
from organizations.access import Action

MOST_SERVICES = 5


def register() -> None:
    navigation.register(
        NavigationItem("Services", "organizations:services", "server", Action.READ_CONFIGURATION, 40, shortcut="s")
    )
    navigation.register(NavigationItem("Settings", "organizations:account", "settings", Action.OWN_ACCOUNT, 100))
    palette.register(services, order=30)


def services(request: HttpRequest, query: str) -> Iterator[PaletteItem]:
    """Services whose name holds the query."""
    member = getattr(request, "member", None)
    if member is None or not query or not member.can(Action.READ_CONFIGURATION):
        return
    for service in selectors.services().filter(name__icontains=query)[:MOST_SERVICES]:
        url = reverse("organizations:service", args=[service.public_id])
        yield PaletteItem(label=service.name, url=url, icon="server", hint=service.environment)

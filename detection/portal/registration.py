"""Where this app's pages stand in the shell, and what the palette finds."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest
from django.urls import reverse

from detection.portal.alerts import alerts_card
from detection.portal.silences import mute_banner
from detection.selectors import detection_rules
from incident_center.kernel.portal import navigation, palette
from incident_center.kernel.portal.navigation import NavigationItem
from incident_center.kernel.portal.palette import PaletteItem
from incidents.portal import panels
from organizations.access import Action

MOST_FOUND = 3


def register() -> None:
    navigation.register(
        NavigationItem("Detection", "detection:rules", "radar", Action.READ_CONFIGURATION, order=60, shortcut="r")
    )
    palette.register(_rules, order=50)
    panels.register("detection/_incident_alerts.html", alerts_card, order=10)
    panels.register("detection/_mute_banner.html", mute_banner, order=10, place="top")


def _rules(request: HttpRequest, query: str) -> Iterable[PaletteItem]:
    member = request.member  # type: ignore[attr-defined]
    if not query or not member.may(Action.READ_CONFIGURATION):
        return
    for rule in detection_rules().filter(name__icontains=query).order_by("name")[:MOST_FOUND]:
        yield PaletteItem(rule.name, reverse("detection:rule", args=[rule.pk]), "radar", hint="detection rule")

"""Cards that upper apps put on the incident's page; the page is here, what they show only they know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from incidents.models import Incident
from organizations.members import Member

#: What the card's template needs, or None where the incident has no such card.
Reader = Callable[[Member, Incident], dict[str, Any] | None]
Place = Literal["side", "top"]
_panels: list[tuple[int, str, Reader, Place]] = []


def register(template: str, read: Reader, *, order: int, place: Place = "side") -> None:
    """Call it in the app's ``ready()``. The template includes its own card, or at the top its banner."""
    _panels.append((order, template, read, place))
    _panels.sort(key=lambda panel: panel[0])


def panels_of(request: HttpRequest, member: Member, incident: Incident, place: Place = "side") -> list[SafeString]:
    """The cards, drawn, in their order."""
    found = [(template, read(member, incident)) for _, template, read, stands in _panels if stands == place]
    return [
        render_to_string(template, {**context, "incident": incident}, request)
        for template, context in found
        if context is not None
    ]

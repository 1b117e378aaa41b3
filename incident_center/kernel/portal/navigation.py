"""Where one can go. Each app registers its pages in `AppConfig.ready()`; the shell shows what a role may use.

```
register(
    NavigationItem("Incidents", "incidents:list", "siren", Action.READ_INCIDENTS, order=20, shortcut="i")
)
```
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

Place = Literal["side", "top"]


class Visitor(Protocol):
    """Whoever looks at the page. What `may` returns is false when the role can never do the action."""

    def may(self, action: Any) -> Any: ...

    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class NavigationItem:
    """One page to go to. `action` None is for everyone who is signed in; a lower `order` comes first."""

    label: str
    url_name: str
    icon: str
    action: Any
    order: int
    count: Callable[[HttpRequest], int] | None = None
    """A number to show beside the label; asked for only when a page is rendered."""
    shortcut: str = ""
    """The letter that goes there after `g`."""
    on_phone: bool = False
    """Whether the bottom bar of the phone has it; there is room for three, the fourth place is the menu."""
    home_of: frozenset[str] = frozenset()
    """The roles that begin here: the page stands first for them, and signing in leads there."""
    place: Place = "side"
    """`top` is for the inbox, which sits in the top bar on a wide screen."""


@dataclass(frozen=True)
class NavigationEntry:
    """A registered item as one visitor sees it on one page."""

    label: str
    url: str
    icon: str
    active: bool
    count: int | None
    shortcut: str
    on_phone: bool
    place: Place


_items: dict[str, NavigationItem] = {}


def register(item: NavigationItem) -> None:
    """Add a page; registering the same `url_name` again replaces it."""
    _items[item.url_name] = item


def entries(request: HttpRequest, visitor: Visitor) -> list[NavigationEntry]:
    """Return what `visitor` may use, in order; an item whose URL is not installed is left out."""
    found = []
    for item in sorted(_items.values(), key=lambda each: (visitor.role not in each.home_of, each.order, each.label)):
        if item.action is not None and not visitor.may(item.action):
            continue
        try:
            url = reverse(item.url_name)
        except NoReverseMatch:
            continue
        found.append(
            NavigationEntry(
                label=item.label,
                url=url,
                icon=item.icon,
                active=_is_active(url, request.path),
                count=item.count(request) if item.count else None,
                shortcut=item.shortcut,
                on_phone=item.on_phone,
                place=item.place,
            )
        )
    return found


def home(visitor: Visitor) -> str:
    """The address at which the visitor begins; the start page where the role has none of its own."""
    own = (item for item in _items.values() if visitor.role in item.home_of and visitor.may(item.action))
    return next((reverse(item.url_name) for item in own), "/")


def _is_active(url: str, path: str) -> bool:
    return path == url if url == "/" else path.startswith(url)

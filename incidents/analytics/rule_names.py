"""What the rules that open incidents are called: an upper app knows, and registers it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

Names = Callable[[set[UUID]], dict[UUID, str]]
_lookups: list[Names] = []


def names_rules(lookup: Names) -> Names:
    """Registers how the rules with these ids are called; what is gone is left out."""
    _lookups.append(lookup)
    return lookup


def names_of_rules(ids: Iterable[UUID]) -> dict[UUID, str]:
    wanted = set(ids)
    found: dict[UUID, str] = {}
    for lookup in _lookups:
        found |= lookup(wanted)
    return found

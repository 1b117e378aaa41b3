"""What upper apps show on the organization's settings page, below its own form.

They register a function in ``AppConfig.ready()``; it is called within the organization's scope when the page is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from organizations.members import Member


@dataclass(frozen=True)
class SettingsSection:
    """One card: a template, and what it shows, under the name ``section``."""

    template: str
    content: Mapping[str, Any] = field(default_factory=dict)


_sections: dict[str, Callable[[Member], SettingsSection]] = {}


def register(name: str, section: Callable[[Member], SettingsSection]) -> None:
    """Adds a card; one of the same name is replaced."""
    _sections[name] = section


def sections(member: Member) -> list[SettingsSection]:
    return [section(member) for section in _sections.values()]

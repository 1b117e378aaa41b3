"""Whether a change fits a route's conditions, with the reason in words. No Django in here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

# The condition that a channel which knows of the incident already is forgiven: it hears of the end too.
SEVERITY = "severity"


@dataclass(frozen=True)
class Facts:
    """What routes look at, of one change of one incident."""

    topic: str
    severity: str
    service_id: UUID | None = None
    service_name: str = ""
    environment: str = ""
    team_id: UUID | None = None
    team_name: str = ""


@dataclass(frozen=True)
class Conditions:
    """What a route asks for. An empty set asks for nothing."""

    services: frozenset[UUID] = field(default_factory=frozenset)
    environments: frozenset[str] = field(default_factory=frozenset)
    severities: frozenset[str] = field(default_factory=frozenset)
    teams: frozenset[UUID] = field(default_factory=frozenset)
    topics: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Mismatch:
    """A condition that the change does not fulfil."""

    condition: str
    reason: str


def mismatches(conditions: Conditions, facts: Facts) -> tuple[Mismatch, ...]:
    """Every condition that is not fulfilled; none means that the change fits."""
    found = []
    if conditions.topics and facts.topic not in conditions.topics:
        found.append(Mismatch("event", f"it does not ask for “{_words(facts.topic)}”"))
    if conditions.severities and facts.severity not in conditions.severities:
        found.append(Mismatch(SEVERITY, f"severity {facts.severity} is not {_either(conditions.severities)}"))
    if conditions.services and facts.service_id not in conditions.services:
        name = f"the service {facts.service_name}" if facts.service_id else "an incident without a service"
        found.append(Mismatch("service", f"{name} is not among its services"))
    if conditions.environments and facts.environment not in conditions.environments:
        name = f"environment {facts.environment}" if facts.environment else "no environment"
        found.append(Mismatch("environment", f"{name} is not {_either(conditions.environments)}"))
    if conditions.teams and facts.team_id not in conditions.teams:
        name = f"the team {facts.team_name}" if facts.team_id else "a service without a team"
        found.append(Mismatch("team", f"{name} is not among its teams"))
    return tuple(found)


def fit(conditions: Conditions, facts: Facts) -> str:
    """Why a change that fits does, in words."""
    named = []
    if conditions.topics:
        named.append(f"it asks for “{_words(facts.topic)}”")
    if conditions.severities:
        named.append(f"severity {facts.severity}")
    if conditions.services:
        named.append(f"service {facts.service_name}")
    if conditions.environments:
        named.append(f"environment {facts.environment}")
    if conditions.teams:
        named.append(f"team {facts.team_name}")
    return ", ".join(named) or "it takes everything"


def _words(topic: str) -> str:
    return topic.replace("_", " ")


def _either(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))

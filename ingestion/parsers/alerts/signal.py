"""One message about one alert, whatever protocol it came by."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

#: Of one request; more are refused, since each may open an incident.
MOST_ALERTS = 10_000
LONGEST_TITLE = 500
LONGEST_TEXT = 20_000
LONGEST_WORD = 1_000
#: As long as the hash that stands for a longer one.
LONGEST_FINGERPRINT = 64
MOST_LABELS = 200
DEEPEST = 10


class UnreadableAlertError(ValueError):
    """The body is not what the protocol describes; ``field`` says where, empty for the body as a whole."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}" if field else message)


class Step(StrEnum):
    """What the sender wants."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """An alert as its sender tells it; what its labels mean, the organization's mapping says."""

    source: str
    """The protocol: ``alertmanager``, ``pagerduty``, ``generic``, ``opsgenie`` or ``heartbeat``."""
    problem: str
    """What several alerts share that belong to one incident: a group key, a deduplication key."""
    fingerprint: str
    """What two messages share that speak of the same alert."""
    step: Step
    title: str = ""
    description: str = ""
    problem_title: str = ""
    """The incident's title, where it differs from the alert's."""
    labels: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    severity: str = ""
    """In the sender's word; empty where a label may say it."""
    service: str = ""
    """Named outright, not by a label."""
    environment: str = ""
    starts_at: datetime | None = None
    """When it began to fire, by the sender's clock; None where the protocol does not say, so that the order of
    arrival counts."""
    ends_at: datetime | None = None
    """When it was over."""
    expires_at: datetime | None = None
    """When it counts as over unless it is sent again."""


def decode(body: bytes, into: Any) -> Any:
    """JSON as the typed form ``into``, with a clear refusal.

    Raises:
        UnreadableAlertError
    """
    try:
        return msgspec.json.decode(body, type=into)
    except RecursionError:
        raise UnreadableAlertError("", "nested too deep to be read") from None
    except UnicodeDecodeError:
        raise UnreadableAlertError("", "not valid UTF-8") from None
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise UnreadableAlertError(where.rstrip("`").removeprefix("."), message) from None
    except msgspec.DecodeError as error:
        raise UnreadableAlertError("", f"not valid JSON: {error}") from None


def moment(text: str | None, field_name: str) -> datetime | None:
    """An RFC 3339 time; None for none, and for the zero time with which Go writes none.

    Raises:
        UnreadableAlertError
    """
    if not text:
        return None
    try:
        read = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise UnreadableAlertError(field_name, "Write an RFC 3339 time such as 2026-03-01T12:00:00Z.") from None
    if read.year <= 1:
        return None
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise UnreadableAlertError(field_name, "The time is out of range.") from None


def text_of(value: Any, longest: int = LONGEST_WORD) -> str:
    """The value as a text that PostgreSQL can store, cut to the length."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(storable(value)).decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:longest]


def title_of(*candidates: Any) -> str:
    """The first candidate that says something, on one line."""
    for candidate in candidates:
        if line := " ".join(text_of(candidate, 2_000).split()):
            return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"
    return ""


def labels_of(pairs: dict[str, Any]) -> dict[str, str]:
    """Labels as texts, of which at most ``MOST_LABELS`` are kept."""
    kept = sorted(pairs.items())[:MOST_LABELS]
    return {text_of(name, 200): text_of(value) for name, value in kept}


def storable(value: Any, depth: int = 0) -> Any:
    """The value as ``jsonb`` can hold it: no U+0000, no infinity, not too deep, texts not too long."""
    if isinstance(value, str):
        return text_of(value, LONGEST_TEXT)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
        return f"{value:.17g}" if abs(value) < 10**300 else "a number too large to be kept"
    if isinstance(value, dict | list) and depth >= DEEPEST:
        return "…"
    if isinstance(value, dict):
        kept = list(value.items())[:MOST_LABELS]
        return {text_of(name, 200): storable(each, depth + 1) for name, each in kept}
    if isinstance(value, list):
        return [storable(each, depth + 1) for each in value[:MOST_LABELS]]
    return value


def fingerprint_of(key: str) -> str:
    """A sender's own key as the fingerprint of its alert: what is too long to be stored is told apart by its hash."""
    return key if len(key) <= LONGEST_FINGERPRINT else hashlib.sha256(key.encode()).hexdigest()


def links_of(*pairs: tuple[Any, str]) -> tuple[Link, ...]:
    """Those of the addresses that a browser may open."""
    wanted = [(text_of(href, 2_000), text) for href, text in pairs]
    return tuple(Link(href, text_of(text, 200)) for href, text in wanted if href.startswith(("http://", "https://")))

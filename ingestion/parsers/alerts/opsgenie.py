"""The Opsgenie Alert API, as https://docs.opsgenie.com/docs/alert-api describes it: for senders that move."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from ingestion.parsers.alerts.signal import (
    LONGEST_TEXT,
    Signal,
    Step,
    UnreadableAlertError,
    decode,
    fingerprint_of,
    labels_of,
    storable,
    text_of,
    title_of,
)

SOURCE = "opsgenie"
PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
LONGEST_ALIAS = 512
LONGEST_NAME = 100


class _Alert(msgspec.Struct):
    message: str = ""
    alias: str | None = None
    description: str | None = None
    details: dict[str, Any] | None = None
    entity: str | None = None
    source: str | None = None
    priority: str | None = None
    tags: list[Any] | None = None
    note: str | None = None


def read_creation(body: bytes) -> Signal:
    """``POST /v2/alerts``; without an alias the alert is one of its own.

    Raises:
        UnreadableAlertError
    """
    alert: _Alert = decode(body, _Alert)
    title = title_of(alert.message)
    if not title:
        raise UnreadableAlertError("message", "Message can not be empty.")
    if alert.priority and alert.priority not in PRIORITIES:
        raise UnreadableAlertError("priority", f"Write one of {', '.join(PRIORITIES)}.")
    alias = text_of(alert.alias, LONGEST_ALIAS).strip() or uuid.uuid4().hex
    details = alert.details or {}
    flat = {name: value for name, value in details.items() if not isinstance(value, dict | list)}
    named = {
        "entity": alert.entity,
        "source": alert.source,
        "tags": ", ".join(text_of(tag) for tag in alert.tags or []),
    }
    return Signal(
        source=SOURCE,
        problem=alias,
        fingerprint=fingerprint_of(alias),
        step=Step.TRIGGER,
        title=title,
        description=text_of(alert.description, LONGEST_TEXT),
        labels=labels_of({**{name: value for name, value in named.items() if value}, **flat}),
        details=storable(details),
        severity=alert.priority or "P3",  # What Opsgenie takes where none is given.
    )


class _Note(msgspec.Struct):
    note: str | None = None
    user: str | None = None


def read_note(body: bytes) -> str:
    """What somebody says beside a step, or as a note; empty where nothing is said.

    Raises:
        UnreadableAlertError
    """
    if not body.strip():
        return ""
    said: _Note = decode(body, _Note)
    note, user = text_of(said.note, LONGEST_TEXT - LONGEST_NAME).strip(), text_of(said.user, LONGEST_NAME - 10).strip()
    return f"{note}\n\n— {user}" if note and user else note


def step_on(alias: str, step: Step) -> Signal:
    """``POST /v2/alerts/{alias}/close`` or ``/acknowledge``."""
    alias = text_of(alias, LONGEST_ALIAS).strip()
    return Signal(source=SOURCE, problem=alias, fingerprint=fingerprint_of(alias), step=step)

"""PagerDuty Events API v2, as https://developer.pagerduty.com/docs/send-alert-event describes it."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from ingestion.parsers.alerts.signal import (
    Signal,
    Step,
    UnreadableAlertError,
    decode,
    fingerprint_of,
    labels_of,
    links_of,
    storable,
    text_of,
    title_of,
)

SOURCE = "pagerduty"
SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_KEY = 255


class _Link(msgspec.Struct):
    href: str = ""
    text: str = ""


class _Payload(msgspec.Struct):
    summary: str = ""
    source: str = ""
    severity: str = ""
    component: str | None = None
    group: str | None = None
    class_: str | None = msgspec.field(name="class", default=None)
    custom_details: Any = None


class _Event(msgspec.Struct):
    event_action: str = ""
    routing_key: str = ""
    dedup_key: str | None = None
    payload: _Payload | None = None
    client: str | None = None
    client_url: str | None = None
    links: list[_Link] | None = None
    images: Any = None


class _Addressed(msgspec.Struct):
    routing_key: str = ""


def routing_key_of(body: bytes) -> str:
    """The key in a body, or an empty text where it cannot be read."""
    try:
        return msgspec.json.decode(body, type=_Addressed).routing_key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def read_event(body: bytes) -> Signal:
    """One event; a trigger without ``dedup_key`` is given one, which the answer names.

    Raises:
        UnreadableAlertError
    """
    event: _Event = decode(body, _Event)
    try:
        step = Step(event.event_action)
    except ValueError:
        raise UnreadableAlertError("event_action", "Write trigger, acknowledge or resolve.") from None
    key = text_of(event.dedup_key, LONGEST_KEY + 1).strip()
    if len(key) > LONGEST_KEY:
        raise UnreadableAlertError("dedup_key", f"At most {LONGEST_KEY} characters.")
    if step is not Step.TRIGGER:
        if not key:
            raise UnreadableAlertError("dedup_key", f"To {step}, say which alert: dedup_key is missing or blank.")
        return Signal(source=SOURCE, problem=key, fingerprint=fingerprint_of(key), step=step)
    return _triggered(event, key or uuid.uuid4().hex)


def _triggered(event: _Event, key: str) -> Signal:
    payload = event.payload
    if payload is None:
        raise UnreadableAlertError("payload", "A trigger needs a payload.")
    for name in ("summary", "source", "severity"):
        if not getattr(payload, name).strip():
            raise UnreadableAlertError(f"payload.{name}", "The field is missing or blank.")
    if payload.severity not in SEVERITIES:
        raise UnreadableAlertError("payload.severity", f"Write one of {', '.join(SEVERITIES)}.")
    details = payload.custom_details
    named = {"source": payload.source, "component": payload.component, "group": payload.group, "class": payload.class_}
    flat: dict[str, Any] = {}
    if isinstance(details, dict):
        flat = {name: value for name, value in details.items() if not isinstance(value, dict | list)}
    given = links_of(*((link.href, link.text) for link in event.links or []))
    client = links_of((event.client_url, event.client or "Client"))
    return Signal(
        source=SOURCE,
        problem=key,
        fingerprint=fingerprint_of(key),
        step=Step.TRIGGER,
        title=title_of(payload.summary),
        labels=labels_of({**flat, **{name: value for name, value in named.items() if value}}),
        details=_details(details),
        links=(*given, *client),
        severity=payload.severity,
    )


def _details(details: Any) -> dict[str, Any]:
    if details is None:
        return {}
    kept = storable(details)
    return kept if isinstance(kept, dict) else {"custom_details": kept}

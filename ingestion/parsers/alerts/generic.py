"""``POST /v1/alerts``: the form for senders that speak no other."""

from __future__ import annotations

from typing import Any

import msgspec

from ingestion.parsers.alerts.signal import (
    LONGEST_TEXT,
    Link,
    Signal,
    Step,
    UnreadableAlertError,
    decode,
    fingerprint_of,
    labels_of,
    links_of,
    moment,
    storable,
    text_of,
    title_of,
)

SOURCE = "generic"
LONGEST_KEY = 255


class _Link(msgspec.Struct):
    href: str
    text: str = ""


class _Alert(msgspec.Struct, forbid_unknown_fields=True):
    dedup_key: str
    action: str
    title: str = ""
    severity: str | None = None
    service: str | None = None
    environment: str | None = None
    description: str | None = None
    links: list[_Link | str] | None = None
    labels: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    timestamp: str | None = None


def read_alert(body: bytes) -> Signal:
    """Raises UnreadableAlertError, which names the field."""
    alert: _Alert = decode(body, _Alert)
    key = alert.dedup_key.strip()
    if not 0 < len(key) <= LONGEST_KEY:
        raise UnreadableAlertError("dedup_key", f"Write 1 to {LONGEST_KEY} characters.")
    try:
        step = Step(alert.action)
    except ValueError:
        raise UnreadableAlertError("action", "Write trigger, acknowledge or resolve.") from None
    title = title_of(alert.title)
    if step is Step.TRIGGER and not title:
        raise UnreadableAlertError("title", "Say in a few words what is wrong.")
    moment(alert.timestamp, "timestamp")  # Checked; alerts count in the order of their arrival.
    metadata = alert.metadata or {}
    flat = {name: value for name, value in metadata.items() if not isinstance(value, dict | list)}
    return Signal(
        source=SOURCE,
        problem=text_of(key, LONGEST_KEY),
        fingerprint=fingerprint_of(text_of(key, LONGEST_KEY)),
        step=step,
        title=title,
        description=text_of(alert.description, LONGEST_TEXT),
        labels=labels_of({**flat, **(alert.labels or {})}),
        details=storable(metadata),
        links=_links(alert.links or []),
        severity=text_of(alert.severity),
        service=text_of(alert.service).strip(),
        environment=text_of(alert.environment).strip(),
    )


def _links(given: list[_Link | str]) -> tuple[Link, ...]:
    return links_of(*((link, "") if isinstance(link, str) else (link.href, link.text) for link in given))

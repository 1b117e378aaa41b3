"""Repetitions of what is known to fire, which is most of what senders send: counted in one statement, without reading
an alert, locking an incident or asking the mapping.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from detection.alerts.messages import Message
from detection.models import AlertGroup
from ingestion.parsers.alerts.signal import Step

#: An open incident that nobody acknowledged or touched for this long is told again when its alerts are repeated.
UNTOUCHED = timedelta(minutes=30)

_COUNT = """
SELECT detection_count_repetitions(%(groups)s::uuid[], %(incidents)s::uuid[], %(fingerprints)s::text[],
    %(starts)s::timestamptz[], %(expirations)s::timestamptz[], %(times)s::int[], %(untouched_since)s, %(now)s)
"""


@dataclass
class _Said:
    """What messages of one batch say about one alert."""

    starts_at: datetime
    expires_at: datetime | None
    times: int = 0


def count_repetitions(groups: Mapping[str, AlertGroup], messages: Iterable[Message], now: datetime) -> set[str]:
    """Counts the messages of those groups that only repeat what fires in an open incident that somebody looks after.

    Args:
        groups: by key, locked.

    Returns:
        The keys of these groups. The messages of all others have yet to be heard.
    """
    said = {key: each for key, each in _what_is_said(messages).items() if each and groups[key].incident_id is not None}
    if not said:
        return set()
    lines = [(groups[key], fingerprint, each) for key, found in said.items() for fingerprint, each in found.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "groups": [group.pk for group, _, _ in lines],
                "incidents": [group.incident_id for group, _, _ in lines],
                "fingerprints": [fingerprint for _, fingerprint, _ in lines],
                "starts": [each.starts_at for _, _, each in lines],
                "expirations": [each.expires_at for _, _, each in lines],
                "times": [each.times for _, _, each in lines],
                "untouched_since": now - UNTOUCHED,
                "now": now,
            },
        )
        counted: Counter[UUID] = Counter(group_id for (group_id,) in cursor.fetchall())
    return {key for key, found in said.items() if counted[groups[key].pk] == len(found)}


def _what_is_said(messages: Iterable[Message]) -> dict[str, dict[str, _Said]]:
    """By key and fingerprint; empty for a key of which something else is said than that it fires, since when."""
    said: dict[str, dict[str, _Said]] = {}
    others: set[str] = set()
    for message in messages:
        signal, found = message.signal, said.setdefault(message.key, {})
        if signal.step is not Step.TRIGGER or signal.starts_at is None:
            others.add(message.key)
            continue
        known = found.setdefault(signal.fingerprint, _Said(signal.starts_at, signal.expires_at))
        known.times += 1
        known.expires_at = signal.expires_at
        if known.starts_at != signal.starts_at:
            others.add(message.key)
    return {key: {} if key in others else found for key, found in said.items()}

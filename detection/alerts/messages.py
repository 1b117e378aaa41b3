"""A signal addressed to its problem, and read by the organization's mapping."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from detection.alerts.mapping import Reading
from ingestion.parsers.alerts.signal import Signal
from organizations.models import Service

LONGEST_KEY = 255


@dataclass(frozen=True)
class Message:
    """``reading`` and ``service`` are there where the signal may open something."""

    signal: Signal
    key: str
    """The incidents' deduplication key."""
    reading: Reading | None = None
    service: Service | None = None
    reason: str = ""
    """How the labels were read, for people."""


def problem_key(signal: Signal, service: UUID | None) -> str:
    """The deduplication key of the signal's incident. What comes by the key of a service is that service's own:
    two services may use the same words. ``service`` is its public id.
    """
    scope = f"{service}:" if service is not None else ""
    key = f"alert:{signal.source}:{scope}{signal.problem}"
    if len(key) <= LONGEST_KEY:
        return key
    return f"alert:{signal.source}:{scope}sha256:{hashlib.sha256(signal.problem.encode()).hexdigest()}"

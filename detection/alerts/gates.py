"""Where silences and maintenance windows speak before an alert opens anything.

A gate looks at a firing alert and answers why it is muted, or nothing. What is muted is kept, with the reason, and
opens no incident; when it ends, it ends. Gates run inside the transaction that stores the alert.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from detection.alerts.mapping import Reading
from incidents.ledger import Ruling
from ingestion.parsers.alerts.signal import Signal
from organizations.models import Service


@dataclass(frozen=True)
class Firing:
    """An alert that begins to fire, or goes on firing while it has no incident."""

    signal: Signal
    reading: Reading
    service: Service | None
    at: datetime


Gate = Callable[[Firing], Ruling | None]
_gates: list[Gate] = []


def register_gate(gate: Gate) -> None:
    """Call it in the app's ``ready()``."""
    if gate not in _gates:
        _gates.append(gate)


def muted_by(firing: Firing) -> Ruling | None:
    """The ruling of the first gate that mutes the alert."""
    for gate in _gates:
        if (ruling := gate(firing)) is not None:
            return ruling
    return None

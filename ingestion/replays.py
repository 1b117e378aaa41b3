"""How dead letters are replayed that are no logs: the app that receives such bodies says so in its ``ready()``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from ingestion.models import DeadLetter


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of the letter."""

    received: int
    duplicates_skipped: int
    said: str
    """The same for people, in a sentence."""
    incidents: tuple[UUID, ...] | None = None
    """Those that replayed alerts belong to; None for logs."""


#: Takes the letter, locked, and its content, unpacked and perhaps corrected; inside the transaction that marks the
#: letter replayed. Raises InvalidInput for what still cannot be read.
Replayer = Callable[[DeadLetter, bytes], Replay]
_replayers: dict[str, Replayer] = {}


def register_replayer(kind: DeadLetter.Kind, replayer: Replayer) -> None:
    _replayers[kind] = replayer


def replayer_of(kind: str) -> Replayer | None:
    """None for logs, which ``ingestion`` stores itself."""
    return _replayers.get(kind)

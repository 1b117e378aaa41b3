"""A seal as bytes: what its hash is taken of, and the line in which it is published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FORMAT = "incident-center/audit-seal/1"
#: Set apart from the leaves (00) and nodes (01) of the trees.
SEAL_PREFIX = b"\x02"
NO_SEAL = bytes(32)


@dataclass(frozen=True)
class SealDocument:
    """The facts that one seal vouches for; docs/audit.md explains each."""

    organization_id: int | None
    number: int
    epoch: int
    from_transaction: int
    until_transaction: int
    entries: int
    total: int
    root: bytes
    history: bytes
    previous: bytes
    guard: bytes
    sealed_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The members in the order of the bytes."""
        return {
            "format": FORMAT,
            "organization_id": self.organization_id,
            "number": self.number,
            "epoch": self.epoch,
            "from_transaction": self.from_transaction,
            "until_transaction": self.until_transaction,
            "entries": self.entries,
            "total": self.total,
            "root": self.root.hex(),
            "history": self.history.hex(),
            "previous": self.previous.hex(),
            "guard": self.guard.hex(),
            "sealed_at": f"{self.sealed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }

    def canonical(self) -> bytes:
        """JSON without spaces, members in their fixed order."""
        return json.dumps(self.as_dict(), separators=(",", ":")).encode("ascii")

    def hash(self) -> bytes:
        return hashlib.sha256(SEAL_PREFIX + self.canonical()).digest()

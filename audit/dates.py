"""Whether entries are dated as they stand in the order of sealing.

An entry that is forged today is sealed behind all others, but lists go by the date that it gives itself. Dates and the
order of sealing can differ by as long as a transaction lasts, and not by more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.leaves import Line

#: How long a transaction may have lasted, or the database's clock been wrong, before a date counts as forged.
SLACK = timedelta(days=1)
#: What stands before the date in an entry's bytes, ahead of all that people write; then quotes and 27 characters.
_NAME, _QUOTE = b'"at":', b'"'
_LENGTH, _UP_TO_HOUR = 28, 14


@dataclass(frozen=True)
class Misdated:
    """An entry whose date cannot be true, and the seal under which it stands, or after which."""

    line: Line
    seal: int
    detail: str


class Dates:
    """Takes the entries in the order of sealing, and keeps the first whose date does not fit."""

    def __init__(self) -> None:
        self.first: Misdated | None = None
        self._newest = self._earliest = _written(datetime(1970, 1, 1, tzinfo=UTC))

    def look_at(self, lines: Sequence[bytes], seal: int, sealed_at: datetime) -> None:
        """Entries of one seal, in their order; or those after the last one, up to now."""
        if self.first is not None:
            return
        newest, earliest, latest = self._newest, self._earliest, _written(sealed_at + SLACK)
        for data in lines:
            start = data.index(_NAME) + len(_NAME)
            at = data[start : start + _LENGTH]
            if not earliest <= at <= latest or data[start + _LENGTH : start + _LENGTH + 1] != _QUOTE:
                self.first = Misdated(Line(data), seal, _in_words(at, newest, latest))
                return
            if at > newest:
                if at[:_UP_TO_HOUR] != newest[:_UP_TO_HOUR]:  # Seldom enough to read the date.
                    earliest = _written(datetime.fromisoformat(at[1:-1].decode()).replace(tzinfo=UTC) - SLACK)
                newest = at
        self._newest, self._earliest = newest, earliest


def _written(moment: datetime) -> bytes:
    """As in the bytes of an entry, where the order of the texts is that of the moments."""
    return f'"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}'.encode("ascii")


def _in_words(at: bytes, newest: bytes, latest: bytes) -> str:
    said, before = at[1:].decode(errors="replace"), newest[1:].decode()
    if at > latest:
        return f"says that it is of {said}, which is after the time at which it was sealed"
    return f"says that it is of {said}, and was written after others of {before}"

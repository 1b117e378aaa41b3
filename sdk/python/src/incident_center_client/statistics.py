"""What became of the records, and the one warning that goes to stderr when some were lost."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import Callable

WARN_EVERY = 60.0


@dataclass(frozen=True)
class Statistics:
    """Counts of records since the process (or its fork) began."""

    sent: int = 0
    """Accepted by the server, whether new or already known to it."""
    dropped: int = 0
    """Lost: queue or spool full, refused by the server, or not delivered when the process ended."""
    spooled: int = 0
    """Written to the spool on disk; they count under `sent` as well once replayed."""
    retried: int = 0
    """Records in attempts that failed and were, or will be, repeated."""
    rejected: int = 0
    """Of those sent: kept by the server as dead letters."""
    redacted: int = 0
    """Left out on purpose by the redaction hook."""


class Counters:
    """Thread-safe counters behind `Statistics`, with the reasons for losses not yet warned of."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.RLock()
        self._monotonic = monotonic
        self._statistics = Statistics()
        self._unreported: dict[str, int] = {}
        self._warned_at: float | None = None

    def add(self, name: str, count: int = 1) -> None:
        """Add to one field of `Statistics`."""
        with self._lock:
            self._statistics = replace(self._statistics, **{name: getattr(self._statistics, name) + count})

    def drop(self, count: int, reason: str) -> None:
        """Count lost records; the next `warn` names the reason. Does no input or output."""
        if count <= 0:
            return
        with self._lock:
            self.add("dropped", count)
            self.complain(reason, count)

    def complain(self, reason: str, count: int = 0) -> None:
        """Have the next `warn` name a trouble that has not (yet) lost a record."""
        with self._lock:
            # The text may come from a server: the number of different ones is bounded.
            if reason in self._unreported or len(self._unreported) < 10:
                self._unreported[reason] = self._unreported.get(reason, 0) + count

    def snapshot(self) -> Statistics:
        """The counts now."""
        with self._lock:
            return self._statistics

    def warn(self, *, now: bool = False) -> None:
        """Write what is unreported to stderr, at most once a minute unless `now`.

        Only for threads that may block: a full pipe behind stderr would stop the application.
        """
        with self._lock:
            if not self._unreported:
                return
            moment = self._monotonic()
            if not now and self._warned_at is not None and moment - self._warned_at < WARN_EVERY:
                return
            self._warned_at = moment
            reasons, self._unreported = self._unreported, {}
        parts = [
            f"{count} log records dropped: {reason}" if count else reason for reason, count in reasons.items()
        ]
        try:
            sys.stderr.write(f"incident_center_client: {'; '.join(parts)}\n")
            sys.stderr.flush()
        except Exception:
            # No stderr (pythonw, a closed pipe): the counters still tell.
            return

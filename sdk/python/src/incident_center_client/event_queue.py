"""The bounded queue between the application's threads and the sender. Not thread-safe: the sender locks
around it.
"""

from __future__ import annotations

from collections import deque

MOST_QUEUED_BYTES = 64 * 1024 * 1024
MOST_BATCH_BYTES = 2 * 1024 * 1024


class EventQueue:
    """Encoded events with their time of arrival, bounded in number and bytes."""

    def __init__(self, capacity: int, batch_size: int, longest_wait: float) -> None:
        self._capacity = capacity
        self._batch_size = batch_size
        self._longest_wait = longest_wait
        self._events: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._urgent = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: bytes, now: float, *, urgent: bool) -> bool:
        """Add one event; False when there is no room.

        The last tenth is kept for urgent events, so that a flood of chatter cannot hide the error that it
        ends in.
        """
        share = 1.0 if urgent else 0.9
        if len(self._events) >= max(1, int(self._capacity * share)):
            return False
        if self._bytes + len(event) > MOST_QUEUED_BYTES * share:
            return False
        self._events.append((now, event))
        self._bytes += len(event)
        self._urgent = self._urgent or urgent
        return True

    def due_in(self, now: float) -> float | None:
        """Seconds until the next batch is to be taken; None while the queue is empty."""
        if not self._events:
            return None
        if self._urgent or len(self._events) >= self._batch_size or self._bytes >= MOST_BATCH_BYTES:
            return 0.0
        return max(0.0, self._events[0][0] + self._longest_wait - now)

    def take(self) -> list[bytes]:
        """Remove and return the next batch, oldest first."""
        batch: list[bytes] = []
        total = 0
        while self._events and len(batch) < self._batch_size:
            event = self._events[0][1]
            if batch and total + len(event) > MOST_BATCH_BYTES:
                break
            self._events.popleft()
            batch.append(event)
            total += len(event)
        self._bytes -= total
        if not self._events:
            self._urgent = False
        return batch

    def take_all(self) -> list[bytes]:
        """Remove and return everything."""
        events = [event for _, event in self._events]
        self._events.clear()
        self._bytes = 0
        self._urgent = False
        return events

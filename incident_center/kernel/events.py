"""Typed, synchronous events: how an upper app hears of a lower one's changes without being named by it.

Handlers run inside the transaction of the change, in the order in which they were connected; one that raises
undoes the change. What leaves the machine is therefore written to an outbox, never sent, by a handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Payload = TypeVar("Payload")


class Event(Generic[Payload]):
    """One kind of event, with the payload's type as its parameter."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: list[Callable[[Payload], None]] = []

    def connect(self, handler: Callable[[Payload], None], *, first: bool = False) -> Callable[[Payload], None]:
        """Adds a handler, once however often it is connected. Usable as a decorator.

        Args:
            first: before all others, for what decides what the others do.
        """
        if handler not in self._handlers:
            self._handlers.insert(0 if first else len(self._handlers), handler)
        return handler

    def disconnect(self, handler: Callable[[Payload], None]) -> None:
        self._handlers.remove(handler)

    def emit(self, payload: Payload) -> None:
        for handler in self._handlers:
            handler(payload)

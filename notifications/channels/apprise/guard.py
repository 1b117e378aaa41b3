"""Holds the calls of a library that uses ``requests`` to the egress guard.

Inside ``guarded()`` every connection that urllib3 makes on this thread resolves its name once, has each address
checked, and goes to exactly one of those: also after a redirect, and also where a proxy is configured. When the time of
the block is over its connections are ended: an address may name time-outs of its own, and many to tell.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from urllib3.util import connection

from notifications.channels.egress import CONNECT_SECONDS, EgressError, EgressTimeoutError, check_host

# Of all calls of one message together; with the last pause between two calls it is less than a delivery's lease.
LONGEST_SECONDS = 20.0

_thread = threading.local()
_connect = connection.create_connection


class Conversation:
    """What one guarded block says to the world: its connections, what was refused, and until when it may go on."""

    def __init__(self, seconds: float) -> None:
        self.refusals: list[str] = []
        self._late = f"The service took longer than {seconds:.0f} s."
        self._until = time.monotonic() + seconds
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()

    def check_time(self) -> None:
        """Raises EgressTimeoutError once the time is over."""
        if time.monotonic() >= self._until:
            raise EgressTimeoutError(self._late)

    def connect(self, address: tuple[str, int], **options: Any) -> Any:
        """A connection to a checked address. Raises OSError."""
        host, port = address
        try:
            self.check_time()
            addresses = check_host(host.strip("[]"), port)
        except EgressError as error:
            self.refusals.append(str(error))
            raise OSError(str(error)) from error
        connected = _connect((addresses[0], port), CONNECT_SECONDS, **options)
        with self._lock:
            # A second handle of it: TLS takes the first one away.
            self._connections.append(connected.dup())
        return connected

    def hang_up(self) -> None:
        """Whatever waits for one of the connections fails at once."""
        with self._lock:
            self.refusals.append(self._late)
            for each in self._connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for each in self._connections:
                each.close()
            self._connections.clear()


def _guarded_connect(address: tuple[str, int], *timeout: Any, **options: Any) -> Any:
    conversation: Conversation | None = getattr(_thread, "conversation", None)
    if conversation is None:
        return _connect(address, *timeout, **options)
    return conversation.connect(address, **options)


connection.create_connection = _guarded_connect


@contextmanager
def guarded() -> Iterator[Conversation]:
    """Guards this thread's calls inside the block."""
    conversation = Conversation(LONGEST_SECONDS)
    timer = threading.Timer(LONGEST_SECONDS, conversation.hang_up)
    timer.daemon = True
    timer.start()
    _thread.conversation = conversation
    try:
        yield conversation
    finally:
        _thread.conversation = None
        timer.cancel()
        conversation.close()

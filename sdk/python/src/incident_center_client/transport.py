"""One HTTP connection to the server, kept alive, and what its answers mean for a batch."""

from __future__ import annotations

# Not used by name. The first look-up of a host imports it, and a fork in the middle of that import leaves
# the child with an import lock that no thread will ever release.
import encodings.idna  # noqa: F401
import gzip
import http.client
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Callable
from urllib.parse import urlsplit

from ._version import VERSION

LONGEST_ANSWER = 64 * 1024

# Connections of the parent process. Kept, because freeing one would wait for locks that no thread here will
# release.
_INHERITED: list[http.client.HTTPConnection] = []


class Outcome(Enum):
    """What to do with a batch after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """Nobody's fault, or the configuration's (a dead key, a wrong URL): keep the batch and try again
    later.
    """
    TOO_LARGE = "too large"
    REFUSED = "refused"
    """The batch itself is at fault: it would be refused for ever."""


@dataclass(frozen=True)
class Answer:
    """The result of one attempt. `retry_after` is in seconds."""

    outcome: Outcome
    detail: str = ""
    retry_after: float | None = None
    dead_lettered: int = 0
    misconfigured: bool = False


class Transport:
    """Posts batches of encoded events. Used by one thread at a time; `connect` happens on first use."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        compress_above: int,
        ssl_context: ssl.SSLContext | None = None,
        time_now: Callable[[], float] = time.time,
    ) -> None:
        """Raises ValueError when `url` is no http(s) URL or `key` cannot stand in a header."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must look like https://incidents.example.com, not {url!r}")
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError("key must be the service's API key (ick_…)")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = f"{parts.path.rstrip('/')}/v1/ingest"
        self._key = key
        self._compress_above = compress_above
        self._ssl_context = ssl_context
        self._time_now = time_now
        self._connection: http.client.HTTPConnection | None = None

    def send(self, events: list[bytes], timeout: float) -> Answer:
        """Post one batch; `timeout` seconds for each socket operation. Never raises for what the network
        does.
        """
        body = b'{"logs":[' + b",".join(events) + b"]}"
        headers = {
            "Content-Type": "application/json",
            "X-API-Key": self._key,
            "User-Agent": f"incident-center-client/{VERSION}",
        }
        if len(body) > self._compress_above:
            # Level 1: logs shrink to a tenth already, and the application's processor time is not ours.
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        reused = self._connection is not None
        try:
            return self._attempt(body, headers, timeout)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if not reused or isinstance(error, socket.timeout):
                return Answer(Outcome.RETRY, f"{type(error).__name__}: {error}")
        # A server may close an idle connection at any moment: that says nothing about the server's health.
        try:
            return self._attempt(body, headers, timeout)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            return Answer(Outcome.RETRY, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Drop the connection; the next `send` opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon_after_fork(self) -> None:
        """In a forked child: close the copied descriptor, say nothing to the server, and forget the
        connection.

        Not `close()`: the parent's thread may have held the lock of the response's buffer at the moment of
        the fork.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            _INHERITED.append(connection)
            if connection.sock is not None:
                os.close(connection.sock.detach())

    def _attempt(self, body: bytes, headers: dict[str, str], timeout: float) -> Answer:
        connection = self._connection or self._connect()
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        self._connection = connection
        connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        content = response.read(LONGEST_ANSWER)
        if response.will_close or not response.isclosed():
            self.close()
        retry_after = parse_retry_after(response.getheader("Retry-After"), self._time_now())
        return interpret(response.status, content, retry_after)

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = self._ssl_context or ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, context=context)
        return http.client.HTTPConnection(self._host, self._port)


def interpret(status: int, content: bytes, retry_after: float | None) -> Answer:
    """What a status code and body of `POST /v1/ingest` mean for the batch."""
    if 200 <= status < 300:
        return Answer(Outcome.DELIVERED, dead_lettered=_dead_lettered(content))
    detail = f"the server answered {status}{_problem_detail(content)}"
    if status == 413:
        return Answer(Outcome.TOO_LARGE, detail)
    if status in (408, 425, 429) or status >= 500:
        return Answer(Outcome.RETRY, detail, retry_after)
    if status in (401, 403, 404, 405, 407, 410) or status < 400:
        return Answer(Outcome.RETRY, f"{detail}; check url and key", retry_after, misconfigured=True)
    return Answer(Outcome.REFUSED, detail)


def parse_retry_after(header: str | None, now: float) -> float | None:
    """Seconds from a Retry-After header (RFC 9110, section 10.2.3): a number or a date. None when
    unreadable.
    """
    if header is None:
        return None
    header = header.strip()
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - now)


def _dead_lettered(content: bytes) -> int:
    try:
        count = json.loads(content)["dead_lettered"]
        return count if isinstance(count, int) else 0
    except (ValueError, KeyError, TypeError):
        # A proxy's own 200, or a later server's other form: the batch is accepted all the same.
        return 0


def _problem_detail(content: bytes) -> str:
    try:
        problem = json.loads(content)
        detail = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        return ""
    return f" ({detail[:200]})" if isinstance(detail, str) else ""

"""The `logging.Handler` that applications attach."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .backoff import Backoff
from .event_queue import EventQueue
from .events import EventEncoder
from .redaction import RedactionHook
from .sender import Sender, guard
from .statistics import Statistics
from .transport import Transport


class IncidentCenterHandler(logging.Handler):
    """Sends log records to Incident Center in the background.

    Attaching it costs the application a fraction of a millisecond a record and nothing else: no record waits
    for the network, no failure is raised into the caller, memory and disk are bounded. See the package's
    README for what happens to records when the server is away, the process forks, ends, or is killed.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        level: int | str = logging.NOTSET,
        batch_size: int = 500,
        flush_interval: float = 1.0,
        urgent_level: int = logging.ERROR,
        queue_size: int = 10_000,
        timeout: float = 10.0,
        exit_timeout: float = 5.0,
        compress_above: int = 1024,
        spool_directory: str | os.PathLike[str] | None = None,
        spool_limit: int = 256 * 1024 * 1024,
        metadata: Mapping[str, Any] | None = None,
        redact: RedactionHook | None = None,
        backoff: Backoff | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Raises ValueError for settings that cannot work; nothing is opened, written or started yet.

        url, key: the server and the service's API key; by default INCIDENT_CENTER_URL and INCIDENT_CENTER_KEY
            from the environment.
        batch_size, flush_interval: a batch leaves when it has so many records, or its oldest one is so many
            seconds old.
        urgent_level: a record of this level or above leaves at once.
        queue_size: records held in memory at most; the last tenth is for urgent ones.
        timeout: seconds for each step of a request.
        exit_timeout: seconds that the end of the process may take.
        compress_above: bodies larger than this many bytes are gzipped.
        spool_directory, spool_limit: where records go while the server is away, and how many bytes at most
            for each process. The directory belongs to one service: all handlers on it have a key of that one.
        metadata: put on every record, as {"version": "1.4"}.
        redact: called with each event {timestamp, level, message, metadata} (plain JSON values) before it is
            queued; returns the event to send, or None to leave the record out. When it raises, the record is
            dropped.
        """
        super().__init__(level)
        url = url or os.environ.get("INCIDENT_CENTER_URL", "")
        key = key or os.environ.get("INCIDENT_CENTER_KEY", "")
        if not 1 <= batch_size <= 10_000:
            raise ValueError("batch_size must be from 1 to 10,000, the most that the server takes")
        for name, value in {
            "flush_interval": flush_interval,
            "timeout": timeout,
            "exit_timeout": exit_timeout,
            "queue_size": queue_size,
            "spool_limit": spool_limit,
        }.items():
            if value <= 0:
                raise ValueError(f"{name} must be greater than 0")
        self._urgent_level = urgent_level
        self._exit_timeout = exit_timeout
        self._encoder = EventEncoder(metadata, redact)
        self._sender = Sender(
            Transport(url, key, compress_above=compress_above, ssl_context=ssl_context),
            new_queue=lambda: EventQueue(queue_size, batch_size, flush_interval),
            batch_size=batch_size,
            timeout=timeout,
            exit_timeout=exit_timeout,
            backoff=backoff or Backoff(),
            spool_directory=Path(spool_directory) if spool_directory is not None else None,
            spool_limit=spool_limit,
        )

    @property
    def statistics(self) -> Statistics:
        """What became of this process's records so far."""
        return self._sender.counters.snapshot()

    def handle(self, record: logging.LogRecord) -> bool:
        """Refuse records of our own making before any lock is taken, else as every handler."""
        return False if guard.active else bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Encode and queue one record. Never raises, never waits for the network or the disk."""
        guard.active = True
        try:
            event = self._encoder.encode(record)
            if event is None:
                self._sender.counters.add("redacted")
            else:
                self._sender.submit(event, urgent=record.levelno >= self._urgent_level)
        except Exception as error:
            # Most likely the redaction hook. Its message may quote what was to be hidden, so only its type
            # is told.
            reason = f"the record could not be encoded or redacted ({type(error).__name__})"
            self._sender.counters.drop(1, reason)
        finally:
            guard.active = False

    def flush(self, timeout: float | None = None) -> bool:  # type: ignore[override]  # logging ignores it
        """Wait up to `timeout` seconds (half of `exit_timeout`) until what is queued is sent or spooled.

        True when it is. False in good time when the server is away and there is no spool.
        """
        if guard.active:
            return False
        return self._sender.flush(self._exit_timeout / 2 if timeout is None else timeout)

    def close(self) -> None:
        """Flush within `exit_timeout` seconds, stop the thread, and say on stderr what was lost, if anything
        was.

        `logging` calls it when the process ends.
        """
        self._sender.close(self._exit_timeout / 2)
        super().close()

"""The port: what a log store must be able to do, and the words it does it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from ingestion.levels import Level
from ingestion.parsers.log_entries import LogRow


class LogStoreUnavailableError(Exception):
    """The store cannot be reached: nothing of the batch may be called received. The client should try again
    later.
    """


class LogStoreBusyError(Exception):
    """The store is alive, but too much already waits for it. The client should try again in a moment."""


class QueryTooBroadError(Exception):
    """A search ran into its time limit; a shorter time range or fewer services would answer."""


# ---- Writing -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """What could not be stored as a log. Identical ones of one service become one row with a count."""

    service_id: int | None
    kind: str
    reason: str
    content: bytes
    content_type: str
    content_encoding: str
    size: int
    """Of what was sent, in bytes; ``content`` may hold only its beginning."""
    protocol: str = ""
    """Of an alert."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer that a repeated request with the same ``Idempotency-Key`` must get, word by word."""

    principal: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """All that one request leaves behind, to be stored together or not at all."""

    organization_id: int
    retention_days: int
    received_at: datetime
    rows: list[LogRow]
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """``stored + duplicates == len(batch.rows)``; what is stored is durable."""

    stored: int
    duplicates: int


class AnswerAlreadyGivenError(Exception):
    """The ``Idempotency-Key`` was used before; nothing was written. Carries what was answered then, and to
    what.
    """

    def __init__(self, request_hash: bytes, status: int, body: bytes) -> None:
        super().__init__("this Idempotency-Key was used before")
        self.request_hash = request_hash
        self.status = status
        self.body = body


# ---- Reading -----------------------------------------------------------------------------------------------


class LogPosition(NamedTuple):
    """A place in the stream of logs, which is ordered by these three."""

    timestamp: datetime
    service_id: int
    hash: int


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What to look for, in the organization of the open scope.

    ``metadata`` is a conjunction of disjunctions: each element lists JSON objects of which one must be
    contained.
    """

    service_ids: tuple[int, ...]
    since: datetime
    until: datetime
    levels: tuple[Level, ...] = ()
    minimum_level: Level | None = None
    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    metadata: tuple[tuple[dict[str, Any], ...], ...] = ()
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One stored log."""

    service_id: int
    timestamp: datetime
    hash: int
    retention_days: int
    received_at: datetime
    level: Level
    message: str
    metadata: dict[str, Any]
    trace_id: str | None

    @property
    def position(self) -> LogPosition:
        return LogPosition(self.timestamp, self.service_id, self.hash)


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Which logs had been stored at one moment, in the store's own words: what is not among them is new."""

    token: str


@dataclass(frozen=True, slots=True)
class TailRequest:
    """What was stored after ``position`` and matches ``query``, whose services count only if ``of_services``."""

    query: LogQuery
    position: StreamPosition
    of_services: bool = True


@dataclass(frozen=True, slots=True)
class TailPage:
    """``records`` in the order of their arrival; ``total`` counts them and the older ones that were left out."""

    records: list[LogRecord]
    total: int


@dataclass(frozen=True, slots=True)
class HistogramBucket:
    """How many logs of each level fell into ``[start, start + interval)``. Empty buckets are not listed."""

    start: datetime
    by_level: dict[Level, int]
    is_exact: bool = True
    """False: counting took too long, so this bucket was counted in part at most, and none before it."""

    @property
    def count(self) -> int:
        return sum(self.by_level.values())


class LogStore(Protocol):
    """Write returns after the commit, or raises and nothing is stored. Reads see the scope's organization
    only.
    """

    def write(self, batch: WriteBatch, *, answer: AnswerWriter | None = None) -> WriteOutcome:
        """Stores the batch durably; a log that is already there is a duplicate, and stays as it is.

        Raises:
            LogStoreUnavailableError: the store is away.
            LogStoreBusyError: too much waits already.
            AnswerAlreadyGivenError: the batch's receipt exists.
        """
        ...

    def begin(self, batch: WriteBatch, settled: Settled) -> None:
        """``write`` for a small batch of rows only, without waiting for it: ``settled`` is told the outcome, or the
        error that ``write`` would raise, by another thread.

        Raises:
            LogStoreBusyError: too much waits already; ``settled`` is not called.
        """
        ...

    def search(
        self,
        query: LogQuery,
        *,
        limit: int,
        older_than: LogPosition | None = None,
        newer_than: LogPosition | None = None,
    ) -> list[LogRecord]:
        """The newest ``limit`` matches, newest first; or those right before or right after a position.

        Raises:
            QueryTooBroadError: it would take too long.
        """
        ...

    def position(self) -> StreamPosition:
        """The present end of the stream.

        Raises:
            LogStoreUnavailableError: the store is away.
        """
        ...

    def tail(
        self, organization_id: int, requests: Sequence[TailRequest], *, limit: int
    ) -> tuple[StreamPosition, list[TailPage]]:
        """What is new for each request: its newest ``limit`` logs, each log once however late it became visible.

        The position holds for all of them: the next call goes on from there. Unlike the other reads this one needs
        no open scope, and sees ``organization_id`` only.

        Raises:
            LogStoreUnavailableError: the store is away.
            QueryTooBroadError: it took too long; nothing was read.
        """
        ...

    def histogram(self, query: LogQuery, *, interval: timedelta) -> list[HistogramBucket]:
        """Counts by bucket (aligned to the Unix epoch) and level, oldest first. They are exact; where filters on
        text, trace or metadata make counting slow, the newest are, and the first bucket says that it is not.

        Raises:
            QueryTooBroadError: it would take too long.
        """
        ...


#: Hears of the end of a write: an outcome, or an error. Must return at once and not raise.
Settled = Callable[[WriteOutcome | None, BaseException | None], None]


class AnswerWriter(Protocol):
    """Makes the answer that is stored with a receipt: once the outcome is known, before it is committed."""

    def __call__(self, outcome: WriteOutcome) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredLogId:
    """The three columns, and the class, that name one log."""

    service_id: int
    timestamp: datetime
    hash: int
    retention_days: int

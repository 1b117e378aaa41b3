"""``LogStore`` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ingestion.logstore.port import (
    AnswerWriter,
    HistogramBucket,
    LogPosition,
    LogQuery,
    LogRecord,
    Settled,
    StreamPosition,
    TailPage,
    TailRequest,
    WriteBatch,
    WriteOutcome,
)
from ingestion.logstore.postgresql import reader
from ingestion.logstore.postgresql.group_commit import GroupCommitter
from ingestion.logstore.postgresql.statements import COPY_FROM_ROWS
from ingestion.logstore.postgresql.tail import TailReader
from ingestion.logstore.postgresql.writer import BatchWriter


class PostgreSQLLogStore:
    """Large batches, and those with dead letters or a receipt, get a transaction of their own; small ones
    share one.
    """

    def __init__(self) -> None:
        self._writer = BatchWriter()
        self._group = GroupCommitter(self._writer)
        self._tail = TailReader()

    def write(self, batch: WriteBatch, *, answer: AnswerWriter | None = None) -> WriteOutcome:
        if not batch.rows and not batch.dead_letters and batch.receipt is None:
            return WriteOutcome(0, 0)
        if len(batch.rows) >= COPY_FROM_ROWS or batch.dead_letters or batch.receipt is not None:
            return self._writer.write(batch, answer)
        return self._group.write(batch)

    def begin(self, batch: WriteBatch, settled: Settled) -> None:
        self._group.begin(batch, settled)

    def search(
        self,
        query: LogQuery,
        *,
        limit: int,
        older_than: LogPosition | None = None,
        newer_than: LogPosition | None = None,
    ) -> list[LogRecord]:
        return reader.search(query, limit=limit, older_than=older_than, newer_than=newer_than)

    def position(self) -> StreamPosition:
        return self._tail.position()

    def tail(
        self, organization_id: int, requests: Sequence[TailRequest], *, limit: int
    ) -> tuple[StreamPosition, list[TailPage]]:
        return self._tail.read(organization_id, requests, limit=limit)

    def histogram(self, query: LogQuery, *, interval: timedelta) -> list[HistogramBucket]:
        return reader.histogram(query, interval=interval)

    def close(self) -> None:
        """Closes idle connections; the store opens new ones when it is used again."""
        self._writer.close()
        self._tail.close()

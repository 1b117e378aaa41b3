"""Batches to durable rows: one transaction for a large batch, one shared transaction for many small ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from ingestion.logstore.port import AnswerWriter, LogStoreUnavailableError, WriteBatch, WriteOutcome
from ingestion.logstore.postgresql import statements
from ingestion.logstore.postgresql.connections import WriterConnections, scope, wait_before_retry
from ingestion.logstore.postgresql.partitions import KnownPartitions, days_of
from ingestion.parsers.log_entries import LogRow

#: Request threads that write at once. More would only queue inside PostgreSQL.
CONNECTIONS = 6
PATIENCE_SECONDS = 5.0
_OK = 200

Result = TypeVar("Result")


class BatchWriter:
    """Safe to write twice: what is there already is a duplicate. So whatever fails on a stale connection is
    retried once.
    """

    def __init__(self) -> None:
        self._connections = WriterConnections(CONNECTIONS)
        self._partitions = KnownPartitions()

    def write(self, batch: WriteBatch, answer: AnswerWriter | None) -> WriteOutcome:
        """One batch in one transaction: rows, dead letters and receipt together."""
        return self._attempt(lambda connection: self._write(connection, batch, answer))

    def write_group(self, batches: Sequence[WriteBatch]) -> list[WriteOutcome]:
        """Small batches, perhaps of several organizations, in one transaction and one round trip.

        Row-level security stays honest: each organization's rows are inserted under its own scope. Whoever
        comes first in ``batches`` stores a log that several of them hold.
        """
        return self._attempt(lambda connection: self._write_group(connection, batches))

    def close(self) -> None:
        self._connections.close()

    def _attempt(self, work: Callable[[psycopg.Connection[Any]], Result]) -> Result:
        """Runs the work, and once more after a failure that says nothing about the batch."""
        try:
            with self._connection() as connection:
                return work(connection)
        except LogStoreUnavailableError:
            # An idle connection may have died with a server that has long been back.
            self._connections.discard_idle()
        except (psycopg.errors.CheckViolation, psycopg.errors.UndefinedTable):
            self._partitions.forget()
        wait_before_retry()
        with self._connection() as connection:
            return work(connection)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        with self._connections.connection(patience=PATIENCE_SECONDS) as connection:
            yield connection

    def _write(
        self, connection: psycopg.Connection[Any], batch: WriteBatch, answer: AnswerWriter | None
    ) -> WriteOutcome:
        rows = statements.distinct(batch.rows)
        self._partitions.ensure(connection, batch.retention_days, days_of(rows))
        organization_id = batch.organization_id
        with connection.transaction():
            scope(connection, organization_id)
            claim = None
            if batch.receipt is not None:
                claim = statements.claim_receipt(connection, organization_id, batch.receipt)
            stored = self._insert(connection, batch, rows) if rows else 0
            if batch.dead_letters:
                statements.insert_dead_letters(connection, organization_id, batch.received_at, batch.dead_letters)
            outcome = WriteOutcome(stored, len(batch.rows) - stored)
            if claim is not None and answer is not None:
                statements.answer_receipt(connection, organization_id, claim, _OK, answer(outcome))
        return outcome

    def _insert(self, connection: psycopg.Connection[Any], batch: WriteBatch, rows: list[LogRow]) -> int:
        arguments = (connection, batch.organization_id, batch.retention_days, batch.received_at, rows)
        if len(rows) < statements.COPY_FROM_ROWS:
            return statements.insert_from_arrays(*arguments).rowcount
        return statements.insert_from_staging(*arguments)

    def _write_group(self, connection: psycopg.Connection[Any], batches: Sequence[WriteBatch]) -> list[WriteOutcome]:
        groups: dict[tuple[int, int], list[WriteBatch]] = {}
        for batch in batches:
            groups.setdefault((batch.organization_id, batch.retention_days), []).append(batch)
        sorted_rows: dict[tuple[int, int], list[LogRow]] = {}
        for key, members in groups.items():
            sorted_rows[key] = statements.distinct([row for member in members for row in member.rows])
            self._partitions.ensure(connection, key[1], days_of(sorted_rows[key]))
        cursors: dict[tuple[int, int], psycopg.Cursor[Any]] = {}
        with connection.pipeline(), connection.transaction():
            for key in sorted(groups):  # Always in the same order, so that two groups cannot wait for each other.
                organization_id, retention_days = key
                scope(connection, organization_id)
                cursors[key] = statements.insert_from_arrays(
                    connection, organization_id, retention_days, groups[key][0].received_at, sorted_rows[key]
                )
        new = {key: {row[0] for row in cursor.fetchall()} for key, cursor in cursors.items()}
        return [_share(batch, new[batch.organization_id, batch.retention_days]) for batch in batches]


def _share(batch: WriteBatch, new: set[int]) -> WriteOutcome:
    """How many of the group's new logs are this batch's; they are taken out, so that the next does not claim
    them.
    """
    stored = 0
    for row in batch.rows:
        if row[2] in new:
            new.discard(row[2])
            stored += 1
    return WriteOutcome(stored, len(batch.rows) - stored)

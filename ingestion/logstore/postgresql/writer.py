"""Batches to durable rows: one transaction for a large batch, one shared transaction for many small ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
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
#: A batch over more days than this, a replay of old logs, is not worth a COPY for each of them.
MOST_PARTITIONS = 8
_OK = 200
#: A day has no partition: it was dropped since this process asked, or it is not kept (yet, or any more).
_WITHOUT_PARTITION = (
    psycopg.errors.CheckViolation,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidParameterValue,
)

Result = TypeVar("Result")


class Way(Enum):
    """How a large batch is stored: the first is the fastest, the last succeeds whatever is there already."""

    COPY = 1
    """As if all of it were new. One log that is there fails the transaction."""
    LOOK_FIRST = 2
    """Asks which logs are there, and copies the others. Fails if another writer stores one of them meanwhile."""
    PASS_OVER = 3
    """INSERT … ON CONFLICT DO NOTHING."""


class Repeaters:
    """Services (of groups: organizations) that sent logs again a short while ago: for them looking first is cheaper
    than failing first.
    """

    REMEMBERED_SECONDS = 60.0
    MOST = 10_000

    def __init__(self) -> None:
        self._until: dict[int, float] = {}

    def note(self, sender_id: int) -> None:
        if len(self._until) >= self.MOST:
            self._until.clear()
        self._until[sender_id] = time.monotonic() + self.REMEMBERED_SECONDS

    def __contains__(self, sender_id: int) -> bool:
        return self._until.get(sender_id, 0.0) > time.monotonic()


def _first_way(rows: list[LogRow], repeaters: Repeaters) -> Way:
    if len(rows) < statements.COPY_FROM_ROWS or len(days_of(rows)) > MOST_PARTITIONS:
        return Way.PASS_OVER
    return Way.LOOK_FIRST if rows[0][0] in repeaters else Way.COPY


class BatchWriter:
    """Safe to write twice: what is there already is a duplicate. So whatever fails on a stale connection is
    retried once.
    """

    def __init__(self) -> None:
        self._connections = WriterConnections(CONNECTIONS)
        self._partitions = KnownPartitions()
        self._repeaters = Repeaters()
        self._repeaters_in_groups = Repeaters()

    def write(self, batch: WriteBatch, answer: AnswerWriter | None) -> WriteOutcome:
        """One batch in one transaction: rows, dead letters and receipt together.

        Raises:
            LogStoreUnavailableError: also where midnight came between the reading of a log and its writing, by this
                clock or by the database's: sent again, it is read anew, and what is too old is a dead letter.
        """
        try:
            return self._attempt(lambda connection: self._write(connection, batch, answer))
        except _WITHOUT_PARTITION as error:
            raise LogStoreUnavailableError(str(error)) from error

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
        except _WITHOUT_PARTITION:
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
        way = _first_way(rows, self._repeaters)
        while True:
            try:
                return self._write_in_one_transaction(connection, batch, rows, way, answer)
            except psycopg.errors.UniqueViolation:
                if way is Way.PASS_OVER:
                    raise
                self._repeaters.note(rows[0][0])
                way = Way.LOOK_FIRST if way is Way.COPY else Way.PASS_OVER

    def _write_in_one_transaction(
        self,
        connection: psycopg.Connection[Any],
        batch: WriteBatch,
        rows: list[LogRow],
        way: Way,
        answer: AnswerWriter | None,
    ) -> WriteOutcome:
        organization_id = batch.organization_id
        with connection.transaction():
            scope(connection, organization_id)
            claim = None
            if batch.receipt is not None:
                claim = statements.claim_receipt(connection, organization_id, batch.receipt)
            stored = self._insert(connection, batch, rows, way) if rows else 0
            if batch.dead_letters:
                statements.insert_dead_letters(connection, organization_id, batch.received_at, batch.dead_letters)
            outcome = WriteOutcome(stored, len(batch.rows) - stored)
            if claim is not None and answer is not None:
                statements.answer_receipt(connection, organization_id, claim, _OK, answer(outcome))
        return outcome

    def _insert(self, connection: psycopg.Connection[Any], batch: WriteBatch, rows: list[LogRow], way: Way) -> int:
        """How many of the rows were new."""
        if way is Way.LOOK_FIRST:
            new = statements.without_present(connection, batch.retention_days, rows)
            if len(new) < len(rows):
                self._repeaters.note(rows[0][0])
            rows = new
        if way is not Way.PASS_OVER and len(rows) >= statements.COPY_FROM_ROWS:
            statements.copy_into_partitions(connection, batch.retention_days, batch.received_at, rows)
            return len(rows)
        stored = 0
        for start in range(0, len(rows), statements.ROWS_PER_STATEMENT):
            piece = rows[start : start + statements.ROWS_PER_STATEMENT]
            stored += statements.insert_from_arrays(
                connection, batch.organization_id, batch.retention_days, batch.received_at, piece
            ).rowcount
        return stored

    def _write_group(self, connection: psycopg.Connection[Any], batches: Sequence[WriteBatch]) -> list[WriteOutcome]:
        groups: dict[tuple[int, int], list[WriteBatch]] = {}
        for batch in batches:
            groups.setdefault((batch.organization_id, batch.retention_days), []).append(batch)
        sorted_rows: dict[tuple[int, int], list[LogRow]] = {}
        for key, members in groups.items():
            sorted_rows[key] = statements.distinct([row for member in members for row in member.rows])
            self._partitions.ensure(connection, key[1], days_of(sorted_rows[key]))
        # Always in the same order, so that two groups cannot wait for each other.
        received = {key: groups[key][0].received_at for key in sorted(groups)}
        new = None
        if len(groups) == 1:
            new = self._copy_group(connection, *next(iter(received.items())), next(iter(sorted_rows.values())))
        if new is None:
            new = _insert_group(connection, received, sorted_rows)
        return [_share(batch, new[batch.organization_id, batch.retention_days]) for batch in batches]

    def _copy_group(
        self, connection: psycopg.Connection[Any], key: tuple[int, int], received_at: datetime, rows: list[LogRow]
    ) -> dict[tuple[int, int], set[int]] | None:
        """COPY for a large group of one organization; None where another way has to be taken."""
        organization_id, retention_days = key
        if organization_id in self._repeaters_in_groups or _first_way(rows, self._repeaters) is not Way.COPY:
            return None
        try:
            with connection.transaction():
                scope(connection, organization_id)
                statements.copy_into_partitions(connection, retention_days, received_at, rows)
        except psycopg.errors.UniqueViolation:
            self._repeaters_in_groups.note(organization_id)
            return None
        return {key: {row[2] for row in rows}}


def _insert_group(
    connection: psycopg.Connection[Any],
    received: dict[tuple[int, int], datetime],
    sorted_rows: dict[tuple[int, int], list[LogRow]],
) -> dict[tuple[int, int], set[int]]:
    """The hashes of the new logs of each organization and class."""
    cursors: dict[tuple[int, int], psycopg.Cursor[Any]] = {}
    with connection.pipeline(), connection.transaction():
        for key, received_at in received.items():
            scope(connection, key[0])
            cursors[key] = statements.insert_from_arrays(connection, *key, received_at, sorted_rows[key])
    return {key: {row[0] for row in cursor.fetchall()} for key, cursor in cursors.items()}


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

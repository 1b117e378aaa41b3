"""The SQL of the write path, each statement inside the caller's scoped transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from incident_center.kernel.models import uuid7
from incident_center.kernel.secrets import decrypt, encrypt
from ingestion.logstore.port import AnswerAlreadyGivenError, DeadLetterRow, Receipt
from ingestion.logstore.postgresql.binary import columns, copy_stream
from ingestion.logstore.postgresql.partitions import by_day, partition_name
from ingestion.parsers.log_entries import LogRow

#: Below this many rows one statement with array parameters is faster, above it COPY.
COPY_FROM_ROWS = 300
#: Longer arrays fall out of the processor's cache: 5,000 rows in one statement cost half as much again.
ROWS_PER_STATEMENT = 1_000
#: Packed and sent at once: while PostgreSQL stores one piece, the next is made.
ROWS_PER_PIECE = 500

_INTO = (
    "INSERT INTO log_entry (organization_id, retention_days, received_at,"
    ' service_id, "timestamp", hash, level, message, metadata, trace_id)'
    " SELECT %b::bigint, %b::smallint, %b::timestamptz, "
)
_FROM_ARRAYS = "* FROM unnest(%b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING RETURNING hash"
_PRESENT = (
    "SELECT sent.position - 1 FROM unnest(%b, %b, %b) WITH ORDINALITY AS sent (service_id, moment, hash, position)"
    ' JOIN log_entry AS kept ON kept.service_id = sent.service_id AND kept."timestamp" = sent.moment'
    " AND kept.hash = sent.hash AND kept.retention_days = %s"
)
# The organization is not named: the runtime role may not, and the partition takes it from the scope.
_COPY = (
    'COPY {} (service_id, "timestamp", received_at, hash, level, message, metadata, trace_id)'
    " FROM STDIN (FORMAT binary)"
)


def distinct(rows: Sequence[LogRow]) -> list[LogRow]:
    """The rows in key order, each log once. The order is locality for the index, and keeps two writers from
    deadlock.
    """
    unique = {(row[0], row[1], row[2]): row for row in reversed(rows)}
    if len(unique) == len(rows):
        return sorted(rows)
    return sorted(unique.values())


def insert_from_arrays(
    connection: psycopg.Connection[Any],
    organization_id: int,
    retention_days: int,
    received_at: datetime,
    rows: list[LogRow],
) -> psycopg.Cursor[Any]:
    """Inserts distinct, sorted rows, and passes over those that are there; the cursor yields the hashes of the new
    ones. Fit for a pipeline.
    """
    cursor = connection.cursor(binary=True)
    cursor.execute(_INTO + _FROM_ARRAYS, [organization_id, retention_days, received_at, *columns(rows)])
    return cursor


def copy_into_partitions(
    connection: psycopg.Connection[Any], retention_days: int, received_at: datetime, rows: Sequence[LogRow]
) -> None:
    """Stores distinct, sorted rows by COPY, straight into their days' partitions.

    Raises:
        psycopg.errors.UniqueViolation: one of them is there already, and nothing of the transaction is left.
        psycopg.errors.UndefinedTable: a day's partition is gone.
    """
    for day, rows_of_day in by_day(rows):
        statement = sql.SQL(_COPY).format(sql.Identifier(partition_name(retention_days, day)))
        with connection.cursor().copy(statement) as copy:
            for piece in copy_stream(rows_of_day, received_at, rows_per_piece=ROWS_PER_PIECE):
                copy.write(piece)


def without_present(connection: psycopg.Connection[Any], retention_days: int, rows: list[LogRow]) -> list[LogRow]:
    """The rows that are not stored yet, as far as this transaction can see."""
    cursor = connection.cursor(binary=True)
    present: set[int] = set()
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        piece = rows[start : start + ROWS_PER_STATEMENT]
        cursor.execute(_PRESENT, [*columns(piece)[:3], retention_days])
        present.update(start + position for (position,) in cursor.fetchall())
    if not present:
        return rows
    return [row for position, row in enumerate(rows) if position not in present]


# ---- Dead letters ------------------------------------------------------------------------------------------

_DEAD_LETTER = """
INSERT INTO ingestion_deadletter AS kept (id, organization_id, service_id, kind, reason, content,
    content_type, content_encoding, size, digest, occurrences, first_seen_at, last_seen_at, protocol)
VALUES (%s, %s, %s, %s, %s, %b, %s, %s, %s, %b, %s, %s, %s, %s)
ON CONFLICT (organization_id, service_id, digest) DO UPDATE
   SET occurrences = kept.occurrences + excluded.occurrences,
       last_seen_at = excluded.last_seen_at, replayed_at = NULL
"""


def digest_of(letter: DeadLetterRow) -> bytes:
    """Equal for letters that say the same: a client that repeats a broken request adds to a count, not to a
    table.
    """
    named = (letter.kind, letter.protocol, letter.reason, letter.content_encoding)
    parts = (*(name.encode() for name in named), letter.content)
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def insert_dead_letters(
    connection: psycopg.Connection[Any], organization_id: int, now: datetime, letters: Iterable[DeadLetterRow]
) -> None:
    counts = Counter(letters)
    rows = [
        (
            uuid7(),
            organization_id,
            letter.service_id,
            letter.kind,
            letter.reason,
            letter.content,
            letter.content_type,
            letter.content_encoding,
            letter.size,
            digest_of(letter),
            occurrences,
            now,
            now,
            letter.protocol,
        )
        for letter, occurrences in counts.items()
    ]
    rows.sort(key=lambda row: (row[2] or 0, row[9]))
    connection.cursor().executemany(_DEAD_LETTER, rows)


# ---- Receipts ----------------------------------------------------------------------------------------------

_CLAIM = """
INSERT INTO kernel_idempotentrequest AS kept
    (id, organization_id, principal, key, request_hash, status, body, created_at)
VALUES (%s, %s, %s, %s, %b, 0, '', now())
ON CONFLICT (organization_id, principal, key) DO UPDATE
   SET request_hash = excluded.request_hash, status = 0, body = '', created_at = now()
 WHERE kept.created_at < now() - interval '24 hours'
RETURNING id
"""
_CLAIMED = """
SELECT request_hash, status, body FROM kernel_idempotentrequest
 WHERE organization_id = %s AND principal = %s AND key = %s
"""
_ANSWERED = "UPDATE kernel_idempotentrequest SET status = %s, body = %s WHERE organization_id = %s AND id = %s"


def claim_receipt(connection: psycopg.Connection[Any], organization_id: int, receipt: Receipt) -> Any:
    """Takes the key for this transaction; a second request with it waits here until the first is committed.

    Raises:
        AnswerAlreadyGivenError: it was used in the last 24 hours.
    """
    claim = connection.execute(
        _CLAIM, [uuid7(), organization_id, receipt.principal, receipt.key, receipt.request_hash]
    ).fetchone()
    if claim is not None:
        return claim[0]
    kept = connection.execute(_CLAIMED, [organization_id, receipt.principal, receipt.key]).fetchone()
    assert kept is not None, "what the insert ran into is visible to the next statement"
    raise AnswerAlreadyGivenError(bytes(kept[0]), kept[1], decrypt(kept[2]).encode())


def answer_receipt(
    connection: psycopg.Connection[Any], organization_id: int, claim: Any, status: int, body: bytes
) -> None:
    connection.execute(_ANSWERED, [status, encrypt(body.decode()), organization_id, claim])

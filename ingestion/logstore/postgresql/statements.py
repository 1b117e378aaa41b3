"""The SQL of the write path, each statement inside the caller's scoped transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from incident_center.kernel.models import uuid7
from incident_center.kernel.secrets import decrypt, encrypt
from ingestion.logstore.port import AnswerAlreadyGivenError, DeadLetterRow, Receipt
from ingestion.logstore.postgresql.binary import columns, copy_stream
from ingestion.parsers.log_entries import LogRow

#: Below this many rows one statement with array parameters is faster, above it COPY into a staging table.
COPY_FROM_ROWS = 300

_INTO = (
    "INSERT INTO log_entry (organization_id, retention_days, received_at,"
    ' service_id, "timestamp", hash, level, message, metadata, trace_id)'
    " SELECT %b::bigint, %b::smallint, %b::timestamptz, "
)
_FROM_ARRAYS = "* FROM unnest(%b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING RETURNING hash"
_FROM_STAGING = "* FROM pg_temp.log_entry_staging ON CONFLICT DO NOTHING"
_STAGING = (
    'CREATE TEMPORARY TABLE IF NOT EXISTS log_entry_staging (service_id bigint, "timestamp" timestamptz,'
    " hash bigint, level smallint, message text, metadata jsonb, trace_id text) ON COMMIT DELETE ROWS"
)
_COPY = "COPY pg_temp.log_entry_staging FROM STDIN (FORMAT binary)"


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
    """Inserts distinct, sorted rows; the cursor yields the hashes of the new ones. Fit for a pipeline."""
    cursor = connection.cursor(binary=True)
    cursor.execute(_INTO + _FROM_ARRAYS, [organization_id, retention_days, received_at, *columns(rows)])
    return cursor


def insert_from_staging(
    connection: psycopg.Connection[Any],
    organization_id: int,
    retention_days: int,
    received_at: datetime,
    rows: list[LogRow],
) -> int:
    """Inserts distinct, sorted rows by way of COPY, which row-level security refuses on the table itself; how
    many were new.
    """
    cursor = connection.cursor()
    cursor.execute(_STAGING)
    with cursor.copy(_COPY) as copy:
        copy.write(copy_stream(rows))
    cursor.execute(_INTO + _FROM_STAGING, [organization_id, retention_days, received_at])
    return cursor.rowcount


# ---- Dead letters ------------------------------------------------------------------------------------------

_DEAD_LETTER = """
INSERT INTO ingestion_deadletter AS kept (id, organization_id, service_id, kind, reason, content,
    content_type, content_encoding, size, digest, occurrences, first_seen_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %b, %s, %s, %s, %b, %s, %s, %s)
ON CONFLICT (organization_id, service_id, digest) DO UPDATE
   SET occurrences = kept.occurrences + excluded.occurrences,
       last_seen_at = excluded.last_seen_at, replayed_at = NULL
"""


def digest_of(letter: DeadLetterRow) -> bytes:
    """Equal for letters that say the same: a client that repeats a broken request adds to a count, not to a
    table.
    """
    parts = (letter.kind.encode(), letter.reason.encode(), letter.content_encoding.encode(), letter.content)
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

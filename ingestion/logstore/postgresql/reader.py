"""Searching and counting, through the two vetted database functions, on Django's connection and so in its
scope.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.types.json import Jsonb

from ingestion.levels import Level
from ingestion.logstore.port import HistogramBucket, LogPosition, LogQuery, LogRecord, QueryTooBroadError

LONGEST_SEARCH_SECONDS = 15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SEARCH = """
SELECT service_id, "timestamp", hash, retention_days, received_at, level, message, metadata, trace_id
  FROM ingestion_search_logs(%s::bigint[], %s::smallint[], %s::smallint, %s::timestamptz, %s::timestamptz,
       %s::text[], %s::text[], %s::text, %s::jsonb,
       %s::boolean, %s::timestamptz, %s::bigint, %s::bigint, %s::integer)
"""
_HISTOGRAM = """
SELECT bucket_start, bucket_level, entries
  FROM ingestion_log_histogram(%s::bigint[], %s::smallint[], %s::smallint, %s::timestamptz, %s::timestamptz,
       %s::text[], %s::text[], %s::text, %s::jsonb, %s::interval)
"""


def search(
    query: LogQuery, *, limit: int, older_than: LogPosition | None, newer_than: LogPosition | None
) -> list[LogRecord]:
    """Newest first, also where it reads forward from ``newer_than``."""
    newest_first = newer_than is None
    position = older_than if newest_first else newer_than
    place: tuple[object, ...] = tuple(position) if position else (None, None, None)
    with _bounded(), connection.cursor() as cursor:
        parameters: list[Any] = [*_conditions(query), newest_first, *place, limit]
        cursor.execute(_SEARCH, parameters)
        records = [_record(row) for row in cursor.fetchall()]
    return records if newest_first else records[::-1]


def histogram(query: LogQuery, *, interval: timedelta) -> list[HistogramBucket]:
    counts: dict[datetime, dict[Level, int]] = {}
    counted_from: datetime | None = None
    with _bounded(), connection.cursor() as cursor:
        parameters: list[Any] = [*_conditions(query), interval]
        cursor.execute(_HISTOGRAM, parameters)
        for start, level, entries in cursor.fetchall():
            if level is None:
                counted_from = start
                continue
            by_level = counts.setdefault(start, {})
            by_level[Level(level)] = by_level.get(Level(level), 0) + entries
    if counted_from is not None:
        counts.setdefault(bucket_start(counted_from, interval), {})
    return [
        HistogramBucket(start, counts[start], is_exact=counted_from is None or start >= counted_from)
        for start in sorted(counts)
    ]


def bucket_start(moment: datetime, interval: timedelta) -> datetime:
    """The beginning of the bucket that a moment falls into; buckets begin at multiples of the interval."""
    return _EPOCH + (moment - _EPOCH) // interval * interval


@contextmanager
def _bounded() -> Iterator[None]:
    """A transaction whose statements are cancelled when they take too long, so that no search holds up the
    others.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{LONGEST_SEARCH_SECONDS}s"])
        try:
            yield
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise QueryTooBroadError(f"the search took more than {LONGEST_SEARCH_SECONDS} s") from error
            raise


def _conditions(query: LogQuery) -> list[Any]:
    return [
        list(query.service_ids),
        [int(level) for level in query.levels],
        query.minimum_level,
        query.since,
        query.until,
        list(query.words),
        list(query.excluded),
        query.trace_id,
        Jsonb([list(alternatives) for alternatives in query.metadata]),
    ]


def _record(row: tuple[Any, ...]) -> LogRecord:
    service_id, timestamp, hash_, retention_days, received_at, level, message, metadata, trace_id = row
    # Django leaves jsonb of raw queries as text, so that its own field can choose the decoder.
    document = json.loads(metadata) if isinstance(metadata, str) else metadata
    return LogRecord(
        service_id, timestamp, hash_, retention_days, received_at, Level(level), message, document, trace_id
    )

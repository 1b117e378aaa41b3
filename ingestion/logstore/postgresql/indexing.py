"""Text, metadata and trace indexes, built behind the stream by the maintenance worker, as the database's owner.

On the table that logs are written to, a trigram index would cost four fifths of the throughput. So a day gets its
indexes when it is over. The present day is indexed in stretches that are over: partial indexes of finished quarters,
which give way to those of finished hours, and these to those of six hours, so that a search never scans more than
the last minutes and a writer never meets more than about ten of them. A late log adds itself to its stretch's index.

``log_index_block`` names the stretches that are indexed; the search function reads it (migration 0009).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from psycopg import sql

from ingestion.logstore.postgresql.days import Partition, partitions

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
STRETCHES = (timedelta(hours=6), timedelta(hours=1), timedelta(minutes=15))
#: How long after its end a stretch is taken as finished: most of what is late has come by then.
SETTLING = timedelta(minutes=1)
#: Fewer logs than this are read as fast as they are looked up, and their index is not worth its keep.
LEAST_ROWS = 10_000
ADVISORY_LOCK = 7_301_964_005

_ROWS = """
SELECT coalesce(sum(debug + info + warn + error + fatal), 0) FROM log_minute
 WHERE retention_days = %s AND minute >= %s AND minute < %s
"""
# Asked once for all days: most are too quiet to be looked at any further.
_BUSY_DAYS = """
SELECT retention_days, (minute AT TIME ZONE 'UTC')::date FROM log_minute
 GROUP BY 1, 2 HAVING sum(debug + info + warn + error + fatal) >= %s
"""


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """A stretch of time of one retention class, within one UTC day."""

    retention_days: int
    starts_at: datetime
    ends_at: datetime

    @property
    def is_day(self) -> bool:
        return self.ends_at - self.starts_at == DAY

    def contains(self, other: Block) -> bool:
        return (
            self.retention_days == other.retention_days
            and self.starts_at <= other.starts_at
            and other.ends_at <= self.ends_at
        )

    def index_names(self) -> dict[str, sql.Composable]:
        """What to index, by the index's name."""
        stretch = "" if self.is_day else f"_{self.starts_at:%H%M}_{self.ends_at:%H%M}"
        prefix = f"log_entry_{self.retention_days}_{self.starts_at:%Y%m%d}{stretch}"
        return {
            f"{prefix}_text": sql.SQL("USING gin (message gin_trgm_ops, metadata jsonb_path_ops)"),
            f"{prefix}_trace": sql.SQL("(trace_id)"),
        }


def wanted_blocks(partition: Partition, now: datetime) -> Iterator[Block]:
    """The longest finished stretches of a partition's day, without overlap."""
    start, finished = partition.starts_at, now - SETTLING
    if partition.ends_at <= finished:
        yield Block(partition.retention_days, start, partition.ends_at)
        return
    while True:
        length = next((one for one in STRETCHES if _fits(start, one, finished)), None)
        if length is None:
            return
        yield Block(partition.retention_days, start, start + length)
        start += length


def _fits(start: datetime, length: timedelta, finished: datetime) -> bool:
    since_midnight = start - start.replace(hour=0, minute=0)
    return since_midnight % length == timedelta(0) and start + length <= finished


def index_finished_stretches(now: datetime | None = None) -> int:
    """Builds the indexes that are missing and drops those that longer ones replace; returns how many blocks were
    indexed. Nobody waits for it: neither who writes nor who reads. A second caller returns at once.
    """
    now = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        try:
            cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
            if not cursor.fetchone()[0]:
                logger.warning("without the extension pg_trgm the text of logs is not indexed, and searches scan")
                return 0
            cursor.execute(_BUSY_DAYS, [LEAST_ROWS])
            busy = set(cursor.fetchall())
            return sum(_index_partition(one, now) for one in partitions() if (one.retention_days, one.day) in busy)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _index_partition(partition: Partition, now: datetime) -> int:
    built = 0
    known = _known_blocks(partition)
    for block in wanted_blocks(partition, now):
        if block not in known:
            if _rows(block) < LEAST_ROWS:
                continue
            _build(partition, block)
            built += 1
        # Also where an earlier run built it and ended before this.
        for shorter in known - {block}:
            if block.contains(shorter):
                _drop(shorter)
    return built


def _known_blocks(partition: Partition) -> set[Block]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT retention_days, starts_at, ends_at FROM log_index_block"
            " WHERE retention_days = %s AND starts_at >= %s AND ends_at <= %s",
            [partition.retention_days, partition.starts_at, partition.ends_at],
        )
        return {Block(*row) for row in cursor.fetchall()}


def _rows(block: Block) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [block.retention_days, block.starts_at, block.ends_at])
        return int(cursor.fetchone()[0])


def _build(partition: Partition, block: Block) -> None:
    stretch = (
        sql.SQL("")
        if block.is_day
        else sql.SQL(' WHERE "timestamp" >= {} AND "timestamp" < {}').format(
            sql.Literal(block.starts_at.isoformat()), sql.Literal(block.ends_at.isoformat())
        )
    )
    with connection.cursor() as cursor:
        for name, columns in block.index_names().items():
            # What an interrupted build left behind is invalid and in the way.
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
            cursor.execute(
                sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} {}{}").format(
                    sql.Identifier(name), sql.Identifier(partition.name), columns, stretch
                )
            )
        if block.is_day:
            # Summaries of the last block ranges, statistics, and the marks that spare later readers a look.
            cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(partition.name)))
        cursor.execute(
            "INSERT INTO log_index_block (retention_days, starts_at, ends_at) VALUES (%s, %s, %s)",
            [block.retention_days, block.starts_at, block.ends_at],
        )


def _drop(block: Block) -> None:
    with connection.cursor() as cursor:
        # First the note: a search that begins now no longer counts on the index.
        cursor.execute(
            "DELETE FROM log_index_block WHERE retention_days = %s AND starts_at = %s AND ends_at = %s",
            [block.retention_days, block.starts_at, block.ends_at],
        )
        for name in block.index_names():
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))

"""What is older than its class keeps: archived, then dropped, day by day. As the database's owner.

A partition holds one class's logs of one day, of all organizations of that class, so it can be dropped whole; an
organization that changes its class has its later logs in other partitions, and the earlier ones keep their time.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from ingestion.archive import files
from ingestion.archive.files import DamagedArchiveError
from ingestion.archive.logs import archive_day
from ingestion.logstore.postgresql.days import Partition, detached_partitions, partitions

logger = logging.getLogger(__name__)

#: After midnight: no request that was let in before it is still under way.
GRACE = timedelta(hours=1)
_KEPT = "SELECT EXISTS (SELECT FROM log_restored_day WHERE retention_days = %s AND day = %s AND keep_until > %s)"


def retire_logs(now: datetime | None = None, folder: Path | None = None) -> list[Partition]:
    """Drops the days that are past their class's time, each after its archive is safely on disk; the days dropped.

    A day whose archive cannot be written stays, and is tried again by the next run.
    """
    now = now or datetime.now(UTC)
    dropped = []
    today = (now - GRACE).date()
    for partition in [*detached_partitions(), *(one for one in partitions() if one.is_expired(today))]:
        if _is_kept(partition, now):
            continue
        try:
            _retire(partition, folder)
        except (OSError, DamagedArchiveError):
            logger.exception("the logs of %s could not be archived and stay where they are", partition.name)
        else:
            dropped.append(partition)
    _forget_archives(now, folder or settings.LOG_ARCHIVE_DIRECTORY)
    return dropped


def _is_kept(partition: Partition, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [partition.retention_days, partition.day, now])
        return bool(cursor.fetchone()[0])


def _retire(partition: Partition, folder: Path | None) -> None:
    archived = sum(one.rows for one in archive_day(partition, folder)) if settings.LOG_ARCHIVE_DAYS else None
    _detach(partition)
    if archived is not None and archived != _rows_left(partition):
        archive_day(partition, folder)  # Somebody wrote between the two; now nobody can any more.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition.name)))
        cursor.execute(
            "DELETE FROM log_minute WHERE retention_days = %s AND minute >= %s AND minute < %s",
            [partition.retention_days, partition.starts_at, partition.ends_at],
        )
        cursor.execute(
            "DELETE FROM log_index_block WHERE retention_days = %s AND starts_at >= %s AND ends_at <= %s",
            [partition.retention_days, partition.starts_at, partition.ends_at],
        )
        cursor.execute(
            "DELETE FROM log_restored_day WHERE retention_days = %s AND day = %s",
            [partition.retention_days, partition.day],
        )
    logger.info("dropped %s", partition.name)


def _rows_left(partition: Partition) -> int:
    """Of organizations that are still here."""
    counted = "SELECT count(*) FROM {} WHERE organization_id IN (SELECT id FROM organizations_organization)"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(counted).format(sql.Identifier(partition.name)))
        return int(cursor.fetchone()[0])


def _detach(partition: Partition) -> None:
    """Out of the tree without locking out readers and writers; again where that was interrupted. Nobody can write to
    it afterwards.
    """
    parent = sql.Identifier(f"log_entry_{partition.retention_days}")
    table = sql.Identifier(partition.name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = %s::regclass", [f"public.{partition.name}"]
        )
        row = cursor.fetchone()
        if row is not None:
            how = sql.SQL("FINALIZE" if row[0] else "CONCURRENTLY")
            cursor.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(parent, table, how))
        cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(table, sql.Identifier(settings.RUNTIME_ROLE)))


def _forget_archives(now: datetime, folder: Path) -> None:
    """Removes archives past their own time."""
    if not settings.LOG_ARCHIVE_DAYS:
        return
    before = now - timedelta(days=settings.LOG_ARCHIVE_DAYS)
    for path in files.find(folder):
        try:
            manifest = files.read_manifest(path)
        except DamagedArchiveError as error:
            logger.warning("%s", error)
            continue
        if datetime.fromisoformat(manifest.archived_at) < before:
            path.unlink()
            path.with_name(manifest.file).unlink(missing_ok=True)
            logger.info("removed the archive %s, %s days old", path, settings.LOG_ARCHIVE_DAYS)

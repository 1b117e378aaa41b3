"""A day's logs into archives, one for each organization, and back. As the database's owner."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from ingestion.archive import files
from ingestion.archive.files import DamagedArchiveError, Manifest
from ingestion.logstore.postgresql.days import Partition
from organizations.models import Organization

logger = logging.getLogger(__name__)

KIND = "logs"
_FETCHED = 5_000

_ROWS = """
SELECT entry.organization_id, json_build_object(
           'service', service.public_id, 'service_name', service.name, 'environment', service.environment,
           'timestamp', entry."timestamp", 'received_at', entry.received_at, 'hash', entry.hash,
           'level', entry.level, 'message', entry.message, 'metadata', entry.metadata, 'trace_id', entry.trace_id)::text
  FROM {} AS entry LEFT JOIN organizations_service AS service ON service.id = entry.service_id
 ORDER BY entry.organization_id, entry."timestamp", entry.service_id, entry.hash
"""
_STAGING = """
CREATE TEMPORARY TABLE restored_log (service uuid, "timestamp" timestamptz, received_at timestamptz, hash bigint,
    level smallint, message text, metadata jsonb, trace_id text) ON COMMIT DROP
"""
_COPY = "COPY restored_log FROM STDIN"
# Transaction 0: they are counted here and now, and no sweep takes them for new.
_RESTORE = """
WITH stored AS (
    INSERT INTO log_entry (organization_id, retention_days, service_id, "timestamp", received_at, hash, level, message,
                           metadata, trace_id, transaction_id)
    SELECT %(organization)s, %(class)s, service.id, restored."timestamp", restored.received_at, restored.hash,
           restored.level, restored.message, restored.metadata, restored.trace_id, 0
      FROM restored_log AS restored
      JOIN organizations_service AS service
        ON service.public_id = restored.service AND service.organization_id = %(organization)s
     ORDER BY service.id, restored."timestamp"
    ON CONFLICT DO NOTHING
    RETURNING service_id, "timestamp", level
), counted AS (
    INSERT INTO log_minute AS known
           (organization_id, service_id, minute, retention_days, debug, info, warn, error, fatal)
    SELECT %(organization)s, service_id, date_trunc('minute', "timestamp", 'UTC'), %(class)s,
           count(*) FILTER (WHERE level < 20), count(*) FILTER (WHERE level >= 20 AND level < 30),
           count(*) FILTER (WHERE level >= 30 AND level < 40), count(*) FILTER (WHERE level >= 40 AND level < 50),
           count(*) FILTER (WHERE level >= 50)
      FROM stored GROUP BY 2, 3
    ON CONFLICT (service_id, minute, retention_days) DO UPDATE
       SET debug = known.debug + excluded.debug, info = known.info + excluded.info,
           warn = known.warn + excluded.warn, error = known.error + excluded.error,
           fatal = known.fatal + excluded.fatal
)
SELECT count(*) FROM stored
"""
_KEEP = """
INSERT INTO log_restored_day (retention_days, day, keep_until) VALUES (%s, %s, %s)
ON CONFLICT (retention_days, day) DO UPDATE SET keep_until = greatest(log_restored_day.keep_until, excluded.keep_until)
"""


def archive_day(partition: Partition, folder: Path | None = None) -> list[Manifest]:
    """Writes the day's logs, a file for each organization; in place of what an earlier run wrote.

    Raises:
        OSError, DamagedArchiveError: as ``files.write``.
    """
    folder = folder or settings.LOG_ARCHIVE_DIRECTORY
    organizations = {one.pk: one for one in Organization.objects.all()}
    written = []
    with transaction.atomic():
        for organization_id, lines in groupby(_lines(partition), key=itemgetter(0)):
            organization = organizations.get(organization_id)
            if organization is None:
                continue  # Off-boarded meanwhile: its logs were exported, and are not to be kept.
            manifest = files.write(
                organization_folder(folder, organization),
                f"{KIND}-{partition.day}-{partition.retention_days}d",
                (line for _, line in lines),
                kind=KIND,
                organization=described(organization),
                day=str(partition.day),
                retention_days=partition.retention_days,
                archived_at=datetime.now(UTC).isoformat(),
            )
            logger.info("archived %s logs of %s of %s", manifest.rows, partition.day, organization.slug)
            written.append(manifest)
    return written


def organization_folder(folder: Path, organization: Organization) -> Path:
    """Its own, so that it can leave as a whole."""
    return folder / str(organization.public_id)


def described(organization: Organization) -> dict[str, str]:
    return {"id": str(organization.public_id), "name": organization.name, "slug": organization.slug}


def _lines(partition: Partition) -> Iterator[tuple[int, str]]:
    """Within the open transaction; a server-side cursor, so that memory stays flat."""
    connection.ensure_connection()
    with connection.connection.cursor(name="archive") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(sql.SQL(_ROWS).format(sql.Identifier(partition.name)))
        yield from cursor


def restore_day(manifest_path: Path, *, keep_for: timedelta) -> tuple[Manifest, int]:
    """Puts an archive's logs back, for at least ``keep_for``; what is there already stays as it is.

    Returns:
        the manifest, and how many logs were not there before.

    Raises:
        DamagedArchiveError: nothing was restored.
        LookupError: the organization, or a service of the logs, is not in this installation; nothing was restored.
    """
    manifest = files.read_manifest(manifest_path)
    organization = Organization.objects.filter(public_id=manifest.organization["id"]).first()
    if organization is None:
        raise LookupError(f"the organization {manifest.organization['slug']!r} is not in this installation")
    if manifest.kind != KIND:
        raise DamagedArchiveError(f"{manifest_path} holds {manifest.kind}, not logs")
    day, retention_days = date.fromisoformat(manifest.day), manifest.retention_days
    with transaction.atomic(), connection.cursor() as cursor:
        # First the promise to keep it: the maintenance worker may be about to drop the day.
        cursor.execute(_KEEP, [retention_days, day, datetime.now(UTC) + keep_for])
        cursor.execute("SELECT ingestion_create_partition(%s::smallint, %s::date)", [retention_days, day])
        cursor.execute(_STAGING)
        services = set()
        with cursor.copy(_COPY) as copy:
            for row in files.read(manifest_path.with_name(manifest.file), manifest):
                services.add(row["service"])
                copy.write_row(_columns(row))
        _require_services(organization, services)
        cursor.execute(_RESTORE, {"organization": organization.pk, "class": retention_days})
        restored = int(cursor.fetchone()[0])
    return manifest, restored


def _columns(row: dict[str, Any]) -> tuple[Any, ...]:
    metadata = json.dumps(row["metadata"], ensure_ascii=False)
    names = ("service", "timestamp", "received_at", "hash", "level", "message")
    return (*(row[name] for name in names), metadata, row["trace_id"])


def _require_services(organization: Organization, services: set[str | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT public_id FROM organizations_service WHERE organization_id = %s", [organization.pk])
        missing = services - {str(row[0]) for row in cursor.fetchall()}
    if missing:
        raise LookupError(f"{len(missing)} services of these logs are not in this installation")

"""Logs of a service at chosen event times, written straight into the store within the test's transaction."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection

from ingestion.levels import Level
from ingestion.models import LogEntry
from organizations.models import Service

_hash = itertools.count(1)


def store_logs(
    service: Service,
    timestamps: Iterable[datetime],
    *,
    level: Level = Level.ERROR,
    message: str = "connection refused",
    received_at: datetime | None = None,
) -> None:
    """Each log counts as received at ``received_at``, or now."""
    rows = [
        LogEntry(
            organization_id=service.organization_id,
            service_id=service.pk,
            retention_days=30,
            timestamp=timestamp,
            received_at=received_at or datetime.now(UTC),
            hash=next(_hash),
            level=level,
            message=message,
            metadata={},
        )
        for timestamp in timestamps
    ]
    with connection.cursor() as cursor:
        for day in {row.timestamp.astimezone(UTC).date() for row in rows}:
            cursor.execute("SELECT ingestion_ensure_partition(30::smallint, %s)", [day])
    LogEntry.objects.bulk_create(rows)


def burst(count: int, *, ago: float = 0.0, spread: float = 5.0) -> list[datetime]:
    """``count`` event times over ``spread`` seconds, the last one ``ago`` seconds before now."""
    last = datetime.now(UTC) - timedelta(seconds=ago)
    step = spread / max(count - 1, 1)
    return [last - timedelta(seconds=step * position) for position in range(count)]

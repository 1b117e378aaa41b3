"""The partitions that there are, as the maintenance worker sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection

_DAYS = """
SELECT relname FROM pg_class
 WHERE relkind = 'r' AND relispartition = %s AND relnamespace = 'public'::regnamespace
   AND relname ~ '^log_entry_[0-9]+_[0-9]{8}$'
"""


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """The logs of all organizations of one retention class that happened on one UTC day."""

    retention_days: int
    day: date

    @property
    def name(self) -> str:
        """As ``ingestion_create_partition`` names it."""
        return f"log_entry_{self.retention_days}_{self.day:%Y%m%d}"

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(days=1)

    def is_expired(self, today: date) -> bool:
        """Whether all of it is older than its class keeps; the intake accepts nothing for it any more."""
        return self.day < today - timedelta(days=self.retention_days)


def partitions() -> list[Partition]:
    """All days of all classes, in order."""
    return _days(are_partitions=True)


def detached_partitions() -> list[Partition]:
    """Days that were taken out of the tree and not dropped yet: something came in between."""
    return _days(are_partitions=False)


def _days(*, are_partitions: bool) -> list[Partition]:
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [are_partitions])
        names = [row[0].split("_") for row in cursor.fetchall()]
    return sorted(Partition(int(parts[2]), date.fromisoformat(parts[3])) for parts in names)

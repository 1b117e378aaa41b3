"""Which partitions a writer knows to exist, and how it asks for one that does not.

The maintenance task makes each day's partitions ahead of time. Late logs, and an organization's first day in
a retention class, are served on demand, through a database function that makes nothing outside the class's
window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from ingestion.parsers.log_entries import LogRow

_MICROSECONDS_PER_DAY = 86_400_000_000
_ENSURE = "SELECT ingestion_ensure_partition(%s::smallint, %s::date)"


def days_of(rows: Iterable[LogRow]) -> set[int]:
    """The UTC days of the rows, counted from 1970-01-01."""
    return {row[1] // _MICROSECONDS_PER_DAY for row in rows}


def by_day(rows: Sequence[LogRow]) -> Iterator[tuple[int, Sequence[LogRow]]]:
    """The rows by UTC day, the days in order; in each day the rows keep theirs."""
    first = min(row[1] for row in rows) // _MICROSECONDS_PER_DAY
    if max(row[1] for row in rows) // _MICROSECONDS_PER_DAY == first:
        yield first, rows  # Nearly always.
        return
    days: dict[int, list[LogRow]] = {}
    for row in rows:
        days.setdefault(row[1] // _MICROSECONDS_PER_DAY, []).append(row)
    yield from sorted(days.items())


def partition_name(retention_days: int, day: int) -> str:
    """As ``ingestion_create_partition`` names it."""
    return f"log_entry_{retention_days}_{_date(day):%Y%m%d}"


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, tz=UTC).date()


class KnownPartitions:
    """Remembers, for the life of the process, what was found to exist. Shared by threads: a set's add is
    atomic.
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, int, int]] = set()

    def ensure(self, connection: psycopg.Connection[Any], retention_days: int, days: set[int]) -> None:
        """Makes what is missing, each in a transaction of its own, before the caller's begins.

        Inside the caller's, the lock on the parent table would be held until its commit, and two such writers
        could wait for each other.
        """
        database = connection.info.dbname
        for day in days:
            if (database, retention_days, day) not in self._known:
                connection.execute(_ENSURE, [retention_days, _date(day)])
                self._known.add((database, retention_days, day))

    def forget(self) -> None:
        """After an insert found a partition gone: retention dropped it while this process remembered it."""
        self._known.clear()

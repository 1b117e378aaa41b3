"""Following the stream of logs: what was stored since a snapshot, each log once.

A log carries the number of the transaction that stored it. New is what the snapshot did not see: numbers from its upper
end on, and those of the transactions that were under way then. So nothing is missed that became visible late, and
nothing comes twice. The block ranges of the newest transactions are all that is read, however large the table.

The reader has connections of its own, as the runtime role: its transactions are REPEATABLE READ, so that one snapshot
answers all requests and is the position to go on from.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from ingestion.levels import Level
from ingestion.logstore.port import LogRecord, QueryTooBroadError, StreamPosition, TailPage, TailRequest
from ingestion.logstore.postgresql.connections import WriterConnections, scope

CONNECTIONS = 2
PATIENCE_SECONDS = 5.0
LONGEST_READ_SECONDS = 5

_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_BOUNDED = f"SET LOCAL statement_timeout = '{LONGEST_READ_SECONDS}s'"
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
# The range of event times keeps all but a few days' partitions out of the plan. "+ 0" keeps the planner from the index
# by service, along which a day would have to be read.
_COLUMNS = 'SELECT service_id, "timestamp", hash, retention_days, received_at, level, message, metadata, trace_id'
_COUNT = "SELECT count(*)"
_NEW = """
  FROM log_entry
 WHERE organization_id = %s AND transaction_id >= %s AND (transaction_id >= %s OR transaction_id = ANY (%s::bigint[]))
   AND "timestamp" >= %s AND "timestamp" < %s
"""
_NEWEST_FIRST = ' ORDER BY received_at DESC, "timestamp" DESC, service_id, hash LIMIT %s'


class TailReader:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._connections = WriterConnections(CONNECTIONS)

    def position(self) -> StreamPosition:
        with self._connections.connection(patience=PATIENCE_SECONDS) as connection:
            return _snapshot(connection)

    def read(
        self, organization_id: int, requests: Sequence[TailRequest], *, limit: int
    ) -> tuple[StreamPosition, list[TailPage]]:
        """One page for each request, and where the stream stood when they were read."""
        with self._connections.connection(patience=PATIENCE_SECONDS) as connection:
            try:
                with connection.transaction():
                    connection.execute(_ONE_SNAPSHOT)
                    connection.execute(_BOUNDED)
                    scope(connection, organization_id)
                    position = _snapshot(connection)
                    return position, [_page(connection, organization_id, each, limit) for each in requests]
            except psycopg.errors.QueryCanceled as error:
                raise QueryTooBroadError(f"the tail took more than {LONGEST_READ_SECONDS} s") from error

    def close(self) -> None:
        self._connections.close()


def _snapshot(connection: psycopg.Connection[Any]) -> StreamPosition:
    row = connection.execute(_SNAPSHOT).fetchone()
    assert row is not None
    return StreamPosition(row[0])


def _page(connection: psycopg.Connection[Any], organization_id: int, request: TailRequest, limit: int) -> TailPage:
    lowest, upper, under_way = request.position.token.split(":")
    query = request.query
    statement = [_NEW]
    parameters: list[Any] = [
        organization_id,
        int(lowest),
        int(upper),
        [int(number) for number in under_way.split(",") if number],
        query.since,
        query.until,
    ]

    def also(condition: str, *values: Any) -> None:
        statement.append(f" AND {condition}")
        parameters.extend(values)

    if request.of_services:
        also("service_id + 0 = ANY (%s::bigint[])", list(query.service_ids))
    if query.levels:
        also("level = ANY (%s::smallint[])", [int(level) for level in query.levels])
    if query.minimum_level is not None:
        also("level >= %s", int(query.minimum_level))
    if query.trace_id is not None:
        also("trace_id = %s", query.trace_id)
    for word in query.words:
        also("message ILIKE %s", _anywhere(word))
    for word in query.excluded:
        also("message NOT ILIKE %s", _anywhere(word))
    for alternatives in query.metadata:
        also("metadata @> ANY (%s::jsonb[])", [Jsonb(each) for each in alternatives])
    new = "".join(statement)
    rows = connection.execute(_COLUMNS + new + _NEWEST_FIRST, [*parameters, limit]).fetchall()  # type: ignore[arg-type]
    total = len(rows)
    if total == limit:
        # A second look is cheaper than a count beside the rows, for which all of them would be set aside.
        counted = connection.execute(_COUNT + new, parameters).fetchone()  # type: ignore[arg-type]
        assert counted is not None
        total = counted[0]
    return TailPage([_record(row) for row in reversed(rows)], total)


def _anywhere(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _record(row: tuple[Any, ...]) -> LogRecord:
    service_id, timestamp, hash_, retention_days, received_at, level, message, metadata, trace_id = row
    # These connections show times in the server's zone, unlike Django's.
    times = timestamp.astimezone(UTC), received_at.astimezone(UTC)
    return LogRecord(service_id, times[0], hash_, retention_days, times[1], Level(level), message, metadata, trace_id)

"""An entry as bytes: what its leaf in a seal's tree is the hash of.

The bytes are the row as PostgreSQL writes it in JSON, with fixed columns and times in UTC. The query stands here and
not in a function of the database, which whoever wants to hide a change could replace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from django.db import connection

#: The column order is part of the format: docs/audit.md. Also in the migration that makes ``audit_seal``.
COLUMNS = """
id, organization_id, epoch, transaction_id, position,
pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
actor, table_name, operation, object_id, before, after
"""
PAGE = 10_000


class Line(NamedTuple):
    """An entry in the order of sealing."""

    epoch: int
    transaction_id: int
    position: int
    id: str
    data: bytes


class Key(NamedTuple):
    """A place in the order of sealing: after all entries of earlier transactions."""

    epoch: int
    transaction_id: int


def whose(organization_id: int | None) -> str:
    """The condition for an organization's rows, or the installation's. An index serves both."""
    return "organization_id IS NULL" if organization_id is None else f"organization_id = {int(organization_id)}"


def pages(organization_id: int | None, *, since: Key, until: Key) -> Iterator[list[Line]]:
    """The entries between two places, in the order of sealing, at most ``PAGE`` at a time."""
    query = (
        "SELECT epoch, transaction_id, position, id::text,"  # noqa: S608  Only a number is put in.
        " pg_catalog.convert_to(pg_catalog.row_to_json(line)::text, 'UTF8')"
        f" FROM (SELECT {COLUMNS} FROM audit_entry WHERE {whose(organization_id)}"
        " AND (epoch, transaction_id, position) > (%s::int, %s::bigint, %s::bigint)"
        " AND (epoch, transaction_id) < (%s::int, %s::bigint)"
        " ORDER BY epoch, transaction_id, position LIMIT %s) AS line"
    )
    # Positions begin at 1, and nobody but PostgreSQL gives them out.
    after: tuple[int, int, int] = (since.epoch, since.transaction_id, -(2**63))
    while True:
        page = [Line(*row) for row in binary_rows(query, [*after, until.epoch, until.transaction_id, PAGE])]
        if not page:
            return
        after = page[-1][:3]
        yield page  # Whose it is from now on: it may be emptied.


def binary_rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Rows by psycopg's binary protocol, in which bytes come as they are; in the open scope."""
    with connection.cursor():  # Applies the scope to the connection.
        assert connection.connection is not None
        # Not Django's kind of cursor, which puts parameters into the text and cannot read the binary protocol.
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(query, parameters, binary=True)  # type: ignore[arg-type]
            return list(cursor.fetchall())

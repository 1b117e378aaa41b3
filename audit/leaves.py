"""An entry as bytes: what its leaf in a seal's tree is the hash of.

The bytes are the row as PostgreSQL writes it in JSON, with fixed columns and times in UTC. The query stands here and
not in a function of the database, which whoever wants to hide a change could replace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
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


class Key(NamedTuple):
    """A place in the order of sealing: after all entries of earlier transactions."""

    epoch: int
    transaction_id: int


@dataclass(frozen=True)
class Line:
    """An entry, read from the bytes that its leaf is the hash of. For few of them: reading is slower than hashing."""

    data: bytes

    @cached_property
    def _entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = json.loads(self.data)
        return entry

    @property
    def id(self) -> str:
        return str(self._entry["id"])

    @property
    def key(self) -> Key:
        return Key(self._entry["epoch"], self._entry["transaction_id"])

    @property
    def place(self) -> tuple[int, int, int]:
        """In the order of sealing; no two true entries have the same."""
        return (*self.key, int(self._entry["position"]))


def whose(organization_id: int | None) -> str:
    """The condition for an organization's rows, or the installation's. An index serves both."""
    return "organization_id IS NULL" if organization_id is None else f"organization_id = {int(organization_id)}"


def pages(organization_id: int | None, *, since: Key, until: Key) -> Iterator[list[bytes]]:
    """The entries between two places as bytes, in the order of sealing, at most ``PAGE`` at a time.

    PostgreSQL writes the next page while the caller works on this one, so that both processors are at it. Other queries
    on the connection wait their turn meanwhile; the scope has to stay what it was when the first page was asked for.
    """
    query = (
        "SELECT pg_catalog.convert_to(pg_catalog.row_to_json(line)::text, 'UTF8')"  # noqa: S608  Only a number is put in.
        f" FROM (SELECT {COLUMNS} FROM audit_entry WHERE {whose(organization_id)}"
        " AND (epoch, transaction_id, position) >= (%s::int, %s::bigint, %s::bigint)"
        " AND (epoch, transaction_id) < (%s::bigint, %s::bigint)"
        " ORDER BY epoch, transaction_id, position LIMIT %s OFFSET %s) AS line"
    )
    session = scoped_session()

    def fetch(place: tuple[int, int, int], taken: int) -> list[bytes]:
        parameters = [*place, until.epoch, until.transaction_id, PAGE, taken]
        return [data for (data,) in _rows(session, query, parameters)]

    with ThreadPoolExecutor(1, thread_name_prefix="audit-pages") as ahead:
        # Each page begins where the one before ended, less what that one had of the place: a forged entry at the place
        # of a true one would otherwise hide behind it. (Ordering by id as well has PostgreSQL sort: an eighth as fast.)
        place, taken = (since.epoch, since.transaction_id, -(2**63)), 0
        page = fetch(place, taken)
        while len(page) == PAGE:
            before, place = place, Line(page[-1]).place
            taken = _ending_at(place, page) + (taken if place == before else 0)
            following = ahead.submit(fetch, place, taken)
            yield page  # Whose it is from now on: it may be emptied.
            page = following.result()
    if page:
        yield page


def _ending_at(place: tuple[int, int, int], page: list[bytes]) -> int:
    """How many of the page's last entries are of the place: one, where none is forged."""
    return sum(1 for _ in takewhile(lambda data: Line(data).place == place, reversed(page)))


def binary_rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Rows by psycopg's binary protocol, in which bytes come as they are; in the open scope."""
    return _rows(scoped_session(), query, parameters)


def scoped_session() -> psycopg.Connection[Any]:
    """The connection below Django's, with the open scope applied."""
    with connection.cursor():  # Applies the scope to the connection.
        assert connection.connection is not None
        return connection.connection


def _rows(session: psycopg.Connection[Any], query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    # Not Django's kind of cursor, which puts parameters into the text and cannot read the binary protocol.
    with psycopg.Cursor(session) as cursor:
        cursor.execute(query, parameters, binary=True)  # type: ignore[arg-type]
        return list(cursor.fetchall())

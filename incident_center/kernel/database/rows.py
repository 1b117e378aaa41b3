"""Writing many rows of one model at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connection, models

_encode = msgspec.json.Encoder(enc_hook=str).encode


def write_rows(rows: Sequence[models.Model], *, replacing: Collection[str] = ()) -> None:
    """Inserts the rows in one statement, as ``bulk_create`` does at several times the cost: there each value of each
    row is a parameter that Django prepares and psycopg writes into the statement. Here all rows are one JSON text,
    which PostgreSQL takes apart by the table's own row type.

    Args:
        rows: of one model, whose values JSON can carry: no bytes, no encrypted fields, no expressions.
        replacing: names of fields. Where a row of the same id is there, these take its new values.
    """
    if not rows:
        return
    fields = type(rows[0])._meta.concrete_fields
    document = _encode([{field.column: field.pre_save(row, add=True) for field in fields} for row in rows])
    with connection.cursor() as cursor:
        cursor.execute(_statement(type(rows[0]), tuple(replacing)), [document.decode()])


@lru_cache(maxsize=64)
def _statement(model: type[models.Model], replacing: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(str(field.column)) for field in model._meta.concrete_fields)
    statement = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608  Names of ours.
    if not replacing:
        return statement
    replaced = [quote(_column(model, name)) for name in replacing]
    key = quote(_column(model, "pk"))
    return f"{statement} ON CONFLICT ({key}) DO UPDATE SET " + ", ".join(
        f"{column} = excluded.{column}" for column in replaced
    )


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return str(field.column)

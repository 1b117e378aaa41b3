"""Incidents as CSV (RFC 4180), written line by line in the database and streamed through a cursor.

A million incidents are a million texts that pass through this process: nothing is parsed and nothing is kept, so that
memory does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import CharField, F, FilteredRelation, Func, Q, QuerySet

from incidents.models import Incident

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
LINES_AT_ONCE = 2_000

# Spreadsheets take a cell that begins so for a formula, quoted or not (OWASP, CSV Injection); an apostrophe in front
# makes it text. Some look past white space, and some know the full-width signs.
FORMULA = r"^(?=[\t\r\n]|\s*[=+@＝＋－＠-])"


class _Cell(Func):
    output_field = CharField()


class _Text(_Cell):
    """What people or machines wrote: quoted, and never a formula.

    Nearly all texts begin with a digit or a Latin letter and are no formula (nor with what stands between Z and a): the
    regular expression, which costs more than all the rest of a cell, is for the others.
    """

    harmless = "ascii(%(expressions)s) BETWEEN 65 AND 122 OR ascii(%(expressions)s) BETWEEN 48 AND 57"
    guarded = f"regexp_replace(%(expressions)s, '{FORMULA}', '''')"
    template = (
        f"CASE WHEN {harmless} THEN '\"' || replace(%(expressions)s, '\"', '\"\"') || '\"'"
        f" WHEN %(expressions)s IS NULL THEN '\"\"' ELSE '\"' || replace({guarded}, '\"', '\"\"') || '\"' END"
    )


class _Labels(_Text):
    template = _Text.template.replace("%(expressions)s", "array_to_string(%(expressions)s, ', ')")


class _Word(_Cell):
    """One of our own words, which needs no quotes."""

    template = "coalesce(%(expressions)s, '')"


class _Reference(_Cell):
    template = "'INC-' || %(expressions)s"


class _Moment(_Cell):
    template = """coalesce(to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')"""


class _Seconds(_Cell):
    template = "coalesce(date_part('epoch', %(expressions)s)::bigint::text, '')"
    arg_joiner = " - "


class _Promise(_Cell):
    """What became of a clock, or how it stands; a broken promise is missed from that moment on."""

    template = "coalesce(%(expressions)s, '')"


class _Line(_Cell):
    template = r"concat_ws(',', %(expressions)s) || E'\r\n'"


def _promise(kind: str) -> _Promise:
    return _Promise(
        Func(F(f"{kind}__outcome"), template="nullif(%(expressions)s, '')", output_field=CharField()),
        Func(
            F(f"{kind}__breached_at"),
            template="CASE WHEN %(expressions)s IS NOT NULL THEN 'missed' END",
            output_field=CharField(),
        ),
        F(f"{kind}__state"),
    )


COLUMNS: dict[str, _Cell] = {
    "number": _Reference(F("number")),
    "title": _Text(F("title")),
    "status": _Word(F("status")),
    "severity": _Word(F("severity")),
    "priority": _Word(F("priority")),
    "service": _Text(F("service__name")),
    "environment": _Text(F("service__environment")),
    "team": _Text(F("service__team__name")),
    "source": _Word(F("source")),
    "assignee": _Text(F("assignee__name")),
    "opened_at": _Moment(F("opened_at")),
    "acknowledged_at": _Moment(F("acknowledged_at")),
    "acknowledged_by": _Text(F("acknowledged_by__name")),
    "mitigated_at": _Moment(F("mitigated_at")),
    "resolved_at": _Moment(F("resolved_at")),
    "seconds_to_acknowledge": _Seconds(F("acknowledged_at"), F("opened_at")),
    "seconds_to_resolve": _Seconds(F("resolved_at"), F("opened_at")),
    "response_sla": _promise("response"),
    "resolution_sla": _promise("resolution"),
    "labels": _Labels(F("labels")),
    "id": _Word(Func(F("id"), template="%(expressions)s::text", output_field=CharField())),
    "description": _Text(F("description")),
}


def csv_pieces(incidents: QuerySet[Incident], *, with_byte_order_mark: bool) -> Iterator[bytes]:
    """The file in pieces, the heading first. Use it up, or close it, in the scope of the organization.

    The cursor is one WITH HOLD: its rows are those of one moment, and no transaction stays open while a slow client
    reads. Behind a pooler that lends a connection for a transaction, a transaction has to last as long as the file.
    """
    heading = (",".join(COLUMNS) + "\r\n").encode()
    yield BYTE_ORDER_MARK + heading if with_byte_order_mark else heading
    name = connection.ops.quote_name(f"report_{uuid4().hex}")
    sql, values = _lines(incidents).query.sql_with_params()
    held: AbstractContextManager[Any] = transaction.atomic() if settings.DATABASE_TRANSACTION_POOLER else nullcontext()
    with held, connection.cursor() as cursor:
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR WITH HOLD FOR {sql}", values)
        try:
            while True:
                cursor.execute(f"FETCH FORWARD {LINES_AT_ONCE} FROM {name}")
                lines = cursor.fetchall()
                if not lines:
                    break
                yield "".join(line for (line,) in lines).encode()
        finally:
            with suppress(DatabaseError):  # A lost connection has taken its cursors along.
                cursor.execute(f"CLOSE {name}")


def with_clocks(incidents: QuerySet[Incident]) -> QuerySet[Incident]:
    """Adds ``response`` and ``resolution``: an incident has at most one clock of each, so that rows stay single."""
    clocks = {
        kind: FilteredRelation("sla_clocks", condition=Q(sla_clocks__kind=kind)) for kind in ("response", "resolution")
    }
    return incidents.prefetch_related(None).annotate(**clocks)


def _lines(incidents: QuerySet[Incident]) -> QuerySet[Incident, Any]:
    return with_clocks(incidents).values_list(_Line(*COLUMNS.values()))

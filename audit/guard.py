"""The guard: the triggers and functions that write and keep the record, and why they were changed.

Who owns the tables can drop a trigger, change a row and make the trigger again: no entry says what was changed. But
PostgreSQL gives the new trigger another number and notes in which transaction it was made, so the guard's fingerprint
is another; every seal carries it, and a change that no migration explains is a fault.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

#: None of ours is called: whoever owns the functions could have them say anything.
REASON = """
SELECT coalesce(
  (SELECT reason FROM audit_guard WHERE fingerprint = %(found)s ORDER BY at LIMIT 1),
  (SELECT reason FROM (SELECT fingerprint, reason FROM audit_guard WHERE at <= %(at)s ORDER BY at DESC LIMIT 1) AS last
    WHERE last.fingerprint IS NULL))
"""
#: As in the migration that makes ``audit_guard_fingerprint``; here so that changing that function hides nothing.
FINGERPRINT = """
SELECT pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.string_agg(part, E'\\n' ORDER BY part), 'UTF8'))
  FROM (SELECT pg_catalog.concat_ws(' ', 'trigger', class.relname, entry.tgname, entry.oid, entry.xmin,
                                    entry.tgenabled) AS part
          FROM pg_catalog.pg_trigger AS entry JOIN pg_catalog.pg_class AS class ON class.oid = entry.tgrelid
          JOIN pg_catalog.pg_proc AS called ON called.oid = entry.tgfoid
         WHERE NOT entry.tgisinternal AND entry.tgparentid = 0
           AND called.pronamespace = 'public'::regnamespace
           AND called.proname IN ('audit_capture', 'refuse_change')
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'function', proname, oid, xmin) FROM pg_catalog.pg_proc
         WHERE pronamespace = 'public'::regnamespace
           AND proname IN ('audit_capture', 'refuse_change', 'audit_seal', 'audit_guard_fingerprint')) AS parts
"""
BEGINS = "a migration was begun and has not ended"


def fingerprint() -> bytes:
    """The guard as it is now: 32 bytes."""
    with connection.cursor() as cursor:
        cursor.execute(FINGERPRINT)
        return bytes(cursor.fetchone()[0])


def reason_of(found: bytes, at: datetime) -> str | None:
    """Why the guard became ``found``, as it was recorded; None where nothing says why."""
    with connection.cursor() as cursor:
        cursor.execute(REASON, {"found": found, "at": at})
        reason = cursor.fetchone()[0]
    return None if reason is None else str(reason)


def say_that_migration_begins(*, plan: Any = (), **_: Any) -> None:
    """Before migrations that are about to run: what is sealed between two of them is explained, too."""
    if settings.DATABASE_AS == "owner" and plan and _is_there():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO audit_guard (reason) VALUES (%s)", [BEGINS])


def say_that_migration_ended(*, plan: Any = (), **_: Any) -> None:
    """After migrate. What changed though no migration ran was changed by hand, or by restoring a dump."""
    if settings.DATABASE_AS == "owner" and _is_there():
        reason = "migrate" if plan else "found by a migrate that had nothing to do: restored, or changed by hand"
        with connection.cursor() as cursor:
            cursor.execute("SELECT audit_guard_record(%s)", [reason])


def _is_there() -> bool:
    return "audit_guard" in connection.introspection.table_names()

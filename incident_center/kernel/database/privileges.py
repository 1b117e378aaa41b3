"""What the runtime role may do, and the refusal to serve as a role that may do more."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from psycopg import sql

from incident_center.kernel.constraints import READ_WRITE, RowLevelSecurity


class UnsafeDatabaseRoleError(RuntimeError):
    """The connection's role could step over the wall between organizations."""


def grant_runtime_privileges(**_: Any) -> None:
    """Lets the runtime role use the tables that no organization owns: people, sessions, tokens.

    Tenant-owned tables grant for themselves, together with their policy (``RowLevelSecurity``). Runs after each
    migrate, so that the tables of third-party apps are covered. A model of ours that the runtime role may not write
    says so by ``runtime_privileges``.
    """
    outside = {
        model._meta.db_table: str(getattr(model, "runtime_privileges", READ_WRITE))
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not any(isinstance(c, RowLevelSecurity) for c in model._meta.constraints)
    }
    role = sql.Identifier(settings.RUNTIME_ROLE)
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        cursor.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role))
        cursor.execute(sql.SQL("GRANT SELECT ON django_migrations TO {}").format(role))
        for table in sorted(present.intersection(outside)):
            granted = outside[table]
            withheld = [each for each in READ_WRITE.split(", ") if each not in granted.split(", ")]
            grant = sql.SQL("GRANT {} ON {} TO {}")
            cursor.execute(grant.format(sql.SQL(granted), sql.Identifier(table), role))  # type: ignore[arg-type]
            if withheld:
                revoke = sql.SQL("REVOKE {} ON {} FROM {}")
                cursor.execute(revoke.format(sql.SQL(", ".join(withheld)), sql.Identifier(table), role))  # type: ignore[arg-type]


ROLE_FACTS = """
SELECT role.rolname, role.rolsuper, role.rolbypassrls,
       pg_has_role(current_user, database.datdba, 'MEMBER') AS owns_database,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
               AND pg_has_role(current_user, relowner, 'MEMBER')) AS owns_table
  FROM pg_roles AS role, pg_database AS database
 WHERE role.rolname = current_user AND database.datname = current_database()
"""


def refuse_unsafe_role() -> None:
    """Raises unless the connection's role is held by row-level security.

    Raises:
        UnsafeDatabaseRoleError: the role is superuser, has BYPASSRLS, or owns the database or a table in it.
    """
    with connection.cursor() as cursor:
        cursor.execute(ROLE_FACTS)
        name, is_superuser, bypasses, owns_database, owns_table = cursor.fetchone()
    reasons = [
        reason
        for fact, reason in (
            (is_superuser, "is a superuser"),
            (bypasses, "has BYPASSRLS"),
            (owns_database, "owns the database"),
            (owns_table, "owns tables"),
        )
        if fact
    ]
    if reasons:
        raise UnsafeDatabaseRoleError(
            f"the database role {name!r} {' and '.join(reasons)}, so row-level security would not hold it;"
            f" let DATABASE_URL name the runtime role ({settings.RUNTIME_ROLE}), which owns nothing"
        )

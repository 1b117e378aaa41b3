"""What only a superuser may do: the two roles, the database and its extensions.

In production a database administrator does the same once, with ``deploy/postgres/init.sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psycopg
from psycopg import sql

from incident_center.supervisor.postgres_settings import BUILD_DEPENDENT

OWNER_ROLE = "incident_center_owner"
RUNTIME_ROLE = "incident_center_runtime"
DATABASE = "incident_center"

# Each where the server has it: vectors for similar incidents, trigrams for search, statistics for the
# operator, and GIN indexes over plain columns.
EXTENSIONS = ("vector", "pg_trgm", "pg_stat_statements", "btree_gin")

# Neither role may pass row-level security, make databases or roles, or replicate.
_ROLE_ATTRIBUTES = sql.SQL("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION")


def prepare(
    superuser_url: Callable[[str], str],
    passwords: Mapping[str, str],
    database: str = DATABASE,
) -> None:
    """Makes the roles, the database and its extensions, where they are missing. May be repeated.

    Args:
        superuser_url: gives the superuser's address for a database's name.
        passwords: by role name; set again at each call, so that roles from elsewhere open as well.
        database: the name of the database.
    """
    with psycopg.connect(superuser_url("postgres"), autocommit=True) as connection:
        for role in (OWNER_ROLE, RUNTIME_ROLE):
            _make_role(connection, role, passwords[role])
        _make_database(connection, database)
        _choose_compression(connection)
    with psycopg.connect(superuser_url(database), autocommit=True) as connection:
        _make_extensions(connection)


def _make_role(connection: psycopg.Connection, role: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    connection.execute(
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(
            sql.SQL("ALTER" if known else "CREATE"),
            sql.Identifier(role),
            _ROLE_ATTRIBUTES,
            sql.Literal(password),
        )
    )


def _make_database(connection: psycopg.Connection, database: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        return
    name, owner, runtime = (sql.Identifier(text) for text in (database, OWNER_ROLE, RUNTIME_ROLE))
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(name, owner))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    # Temporary tables are the staging area of bulk loads.
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(name, runtime))


def _make_extensions(connection: psycopg.Connection) -> None:
    available = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL AND name = ANY(%s)",
            [list(EXTENSIONS)],
        )
    }
    for name in EXTENSIONS:
        if name in available:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def _choose_compression(connection: psycopg.Connection) -> None:
    """Takes the best compression that this build of PostgreSQL has, unless somebody already chose one."""
    changed = False
    for setting, preferred in BUILD_DEPENDENT.items():
        row = connection.execute(
            "SELECT enumvals, sourcefile LIKE '%%postgresql.auto.conf' FROM pg_settings WHERE name = %s",
            [setting],
        ).fetchone()
        best = next((method for method in preferred if row and method in row[0]), None)
        if row and best and not row[1]:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.Literal(best)))
            changed = True
    if changed:
        connection.execute("SELECT pg_reload_conf()")

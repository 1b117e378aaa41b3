"""The addresses of a database and a broker that run elsewhere and were given in the environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from incident_center.supervisor import database_setup
from incident_center.supervisor.database_setup import OWNER_ROLE, RUNTIME_ROLE
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.passwords import load_or_make
from incident_center.supervisor.state import StateFolder

# How long a server that runs elsewhere may take to answer, in seconds: it may be starting beside us.
PATIENCE = 30


@dataclass(frozen=True)
class DatabaseAddresses:
    """One database, as each of its two roles reaches it."""

    runtime: str
    owner: str


def given_database(
    database_url: str, owner_url: str, state: StateFolder, report: Callable[[str], None]
) -> DatabaseAddresses:
    """The addresses of a database that runs elsewhere, once it answers.

    With the owner's address given, both are used as they are. Without it, ``database_url`` may be a
    superuser's: then the two roles are made there, with generated passwords, and only they are used.

    Raises:
        StartError: the database does not answer, or the owner's address is missing.
    """
    _wait_for(database_url, "DATABASE_URL", report)
    if owner_url:
        _wait_for(owner_url, "OWNER_DATABASE_URL", report)
        return DatabaseAddresses(runtime=database_url, owner=owner_url)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise StartError(
            "DATABASE_URL is given, OWNER_DATABASE_URL is not; migrations and maintenance run as the owner.",
            "Set both (deploy/postgres/init.sql makes the two roles), or give a superuser's DATABASE_URL,"
            " with which the roles are made for you.",
        )
    name = str(conninfo_to_dict(database_url).get("dbname") or "postgres")
    database = database_setup.DATABASE if name == "postgres" else name
    passwords = load_or_make(state.path / "database-passwords.json", (OWNER_ROLE, RUNTIME_ROLE))
    report(f"preparing the roles {OWNER_ROLE} and {RUNTIME_ROLE} in database {database}")
    database_setup.prepare(lambda wished: _with(database_url, database=wished), passwords, database)
    runtime, owner = (
        _with(database_url, database=database, role=role, password=passwords[role])
        for role in (RUNTIME_ROLE, OWNER_ROLE)
    )
    return DatabaseAddresses(runtime=runtime, owner=owner)


def _with(url: str, *, database: str, role: str = "", password: str = "") -> str:
    """The same server's address for another database, and another role if one is named."""
    parts = urlsplit(url)
    location = parts.netloc
    if role:
        host = location.rpartition("@")[2]
        location = f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=location, path=f"/{quote(database, safe='')}"))


def _wait_for(url: str, setting: str, report: Callable[[str], None]) -> None:
    until = time.monotonic() + PATIENCE
    told = False
    while True:
        try:
            with psycopg.connect(url, connect_timeout=5):
                return
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
        except psycopg.ProgrammingError as error:
            raise StartError(
                f"{setting} is not an address that PostgreSQL understands: {error}.",
                "Write it as postgresql://role:password@host:5432/database.",
            ) from error
        if "authentication failed" in reason or time.monotonic() > until:
            raise StartError(
                f"The database of {setting} does not let us in: {reason}",
                "Correct or start it; or unset DATABASE_URL to use the PostgreSQL that is brought along.",
            )
        if not told:
            told = True
            report(f"waiting for the database of {setting} to answer")
        time.sleep(0.5)

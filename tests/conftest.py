"""Databases for the tests, as the runtime role that row-level security holds.

Each test process works in a clone of the migrated template (tests/servers.py). Tests that commit get a clone of
their own, since append-only tables refuse the TRUNCATE with which Django would clean up after them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import TEMPLATE

# ---- Databases ------------------------------------------------------------------------------------------------------

_in_use = [TEMPLATE]


def _administer(statement: str) -> None:
    import psycopg

    with psycopg.connect(os.environ["TEST_SUPERUSER_URL"], autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def _clone(name: str) -> None:
    # WAL_LOG, the default strategy, copies a small template in tens of milliseconds without a checkpoint.
    _administer(f'CREATE DATABASE "{name}" OWNER incident_center_owner TEMPLATE "{TEMPLATE}"')


def _drop(name: str) -> None:
    _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def database_in_use(name: str) -> Iterator[None]:
    """A clone of the template, to which Django and the processes that a test starts go inside the block.

    Blocks may end in any order: the fixture of a package may begin inside a test that has a database of its own.
    """
    _clone(name)
    _in_use.append(name)
    _use(name)
    try:
        yield
    finally:
        _in_use.remove(name)
        _use(_in_use[-1])
        _drop(name)


def _use(name: str) -> None:
    """Points Django's connection, and what processes started by a test inherit, to the database."""
    from asgiref.sync import SyncToAsync
    from django.db import connections

    connections["default"].close()
    # All coroutines share this thread, and with it a connection.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
    connections["default"].settings_dict["NAME"] = name
    connections.databases["default"]["NAME"] = name
    for variable in ("DATABASE_URL", "OWNER_DATABASE_URL"):
        address, _, query = os.environ[variable].partition("?")
        os.environ[variable] = f"{address.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Replaces pytest-django's: the database is a clone of the migrated template, used as the runtime role."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with django_db_blocker.unblock(), database_in_use(name):  # type: ignore[attr-defined]
        yield


@pytest.fixture
def committed_database(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database of the test's own, in which it may commit, race and restart. Returns its name."""
    name = f"test_own_{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**10}"
    with django_db_blocker.unblock(), database_in_use(name):  # type: ignore[attr-defined]
        yield name


def _settle_database(request: pytest.FixtureRequest) -> None:
    """A connection goes to the test's own database where it has one, in whatever order its fixtures are named."""
    if "committed_database" in request.fixturenames:
        request.getfixturevalue("committed_database")


@pytest.fixture
def owner_connection(django_db_setup: None, request: pytest.FixtureRequest) -> Iterator[object]:
    """A psycopg connection to the test's database as the owner role, in autocommit."""
    import psycopg

    _settle_database(request)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def runtime_connection(django_db_setup: None, request: pytest.FixtureRequest) -> Iterator[object]:
    """A psycopg connection to the test's database as the runtime role, in autocommit and without a scope."""
    import psycopg

    _settle_database(request)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


# ---- What must not leak from one test into the next ----------------------------------------------------


@pytest.fixture(autouse=True)
def _fresh_process_state() -> Iterator[None]:
    from django.core.cache import cache

    from incident_center.kernel.rate_limits import token_buckets
    from incident_center.kernel.scope import no_scope
    from organizations.keys import key_cache

    key_cache.clear()
    with no_scope():
        yield
    key_cache.clear()
    token_buckets.clear()
    cache.clear()


def pytest_configure(config: pytest.Config) -> None:
    """Passwords are hashed in microseconds here, and static files need no collecting."""
    from django.conf import settings

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]

"""The store's own connections, beside Django's: in autocommit, with binary types, shared by the request
threads.

They speak as the runtime role. No session setting is ever made on them: every transaction names its
organization itself (``scope``), so a connection that comes back carries nobody's scope, and a pooler in
transaction mode may sit between.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from ingestion.logstore.port import LogStoreBusyError, LogStoreUnavailableError
from ingestion.logstore.postgresql import binary

_SCOPE = "SELECT set_config('app.organization_id', %s, true), set_config('app.actor', 'system:ingestion', true)"

#: What a connection says when the server is away, shutting down, full, or a replica: nothing is wrong with
#: the batch.
UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)


def scope(connection: psycopg.Connection[Any], organization_id: int) -> None:
    """Until the end of the transaction, row-level security lets this organization's rows through and no
    others.

    The wall's one gate outside the Django backend. ``true`` makes it local to the transaction.
    """
    connection.execute(_SCOPE, [str(organization_id)])


class WriterConnections:
    """At most ``size`` connections, made when needed, the last used handed out first."""

    def __init__(self, size: int) -> None:
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()

    @contextmanager
    def connection(self, *, patience: float) -> Iterator[psycopg.Connection[Any]]:
        """A connection outside any transaction. Broken afterwards, it is thrown away.

        Raises:
            LogStoreBusyError: none came free within ``patience`` seconds.
            LogStoreUnavailableError: the server does not answer, or went away during the block.
        """
        if not self._slots.acquire(timeout=patience):
            raise LogStoreBusyError(f"no database connection came free within {patience:g} s")
        connection: psycopg.Connection[Any] | None = None
        try:
            connection = self._take()
            yield connection
        except UNAVAILABLE as error:
            raise LogStoreUnavailableError(str(error)) from error
        finally:
            if connection is not None:
                self._give_back(connection)
            self._slots.release()

    def close(self) -> None:
        """Closes what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def discard_idle(self) -> None:
        """After the server went away, the idle connections are as dead as the one that noticed."""
        self.close()

    def _take(self) -> psycopg.Connection[Any]:
        parameters = _parameters()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return _connect(parameters)
            # Tests move between databases; a pool must not write into the one before.
            if not connection.closed and connection.info.dbname == parameters["dbname"]:
                return connection
            connection.close()

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        if connection.closed:
            return
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                connection.close()
            return
        with self._lock:
            self._idle.append(connection)


def _parameters() -> dict[str, Any]:
    database = connections.settings["default"]
    options = {name: value for name, value in database["OPTIONS"].items() if name not in ("pool", "prepare_threshold")}
    wanted = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
        **options,
    }
    return {name: value for name, value in wanted.items() if value not in ("", None)}


def _connect(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    pooled = getattr(settings, "DATABASE_TRANSACTION_POOLER", False)
    connection = psycopg.connect(
        **parameters,
        autocommit=True,
        application_name="incident_center ingestion",
        # Behind a pooler in transaction mode a prepared statement may be somebody else's.
        prepare_threshold=None if pooled else 2,
    )
    binary.register(connection)
    return connection


def wait_before_retry() -> None:
    """Long enough for a restarted server to listen again, short enough for a client that waits."""
    time.sleep(0.05)

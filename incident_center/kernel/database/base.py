"""The database backend that keeps every connection inside the scope of the code that uses it.

It stands on django-tenants' backend. All organizations share the schema ``public``, so what has to follow the
running code is not the search path but two PostgreSQL settings: ``app.organization_id``, which the row-level
security policies compare with, and ``app.actor``, which the audit trigger records. Both are applied in one round
trip, and only when the connection does not hold them already.

What the connection holds is forgotten after a rollback (PostgreSQL reverts a SET with its transaction), after a
savepoint's rollback, and on a new connection.

Behind a pooler that lends a connection for one transaction (``DATABASE_TRANSACTION_POOLER``) a session's setting would
be there for whoever comes next, and the next one's for us. There the scope is a setting of each transaction, and a
statement outside of one gets a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django.db.utils
import psycopg
from django.conf import settings
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantsDatabaseWrapper
from django_tenants.postgresql_backend.base import FakeTenant

from incident_center.kernel.scope import Scope, current_scope, enter_scope

APPLY_SCOPE = "SELECT set_config('app.organization_id', %s, false), set_config('app.actor', %s, false)"
APPLY_SCOPE_TO_TRANSACTION = APPLY_SCOPE.replace("false", "true")


class _LentConnection:
    """Of a cursor: each of its statements runs in a transaction that has the scope."""

    db: DatabaseWrapper

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        with self.db.transaction_in_scope():
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]

    def _executemany(self, sql: Any, param_list: Any, *ignored: Any) -> Any:
        with self.db.transaction_in_scope():
            return super()._executemany(sql, param_list, *ignored)  # type: ignore[misc]


class LentCursor(_LentConnection, CursorWrapper):
    """The usual cursor, behind such a pooler."""


class LentDebugCursor(_LentConnection, CursorDebugWrapper):
    """The one that notes its statements, behind such a pooler."""


class DatabaseWrapper(TenantsDatabaseWrapper):
    """Applies the current scope to the connection before any statement runs on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.applied_scope: Scope | None = None
        self._constructed = False
        self._setting_search_path = False
        self._is_lent = settings.DATABASE_TRANSACTION_POOLER
        super().__init__(*args, **kwargs)
        self._constructed = True

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """django-tenants' way in (``tenant_context``): the tenant becomes the organization of the scope.

        Making a connection, in whichever thread, must not touch the scope of the code that needed it: hence the
        guard on construction.
        """
        super().set_tenant(tenant, include_public)
        if self._constructed:
            organization_id = None if isinstance(tenant, FakeTenant) else tenant.pk
            enter_scope(organization_id, current_scope().actor)

    def close(self) -> None:
        self.applied_scope = None
        super().close()

    def make_cursor(self, cursor: Any) -> Any:
        return LentCursor(cursor, self) if self._is_lent else super().make_cursor(cursor)

    def make_debug_cursor(self, cursor: Any) -> Any:
        return LentDebugCursor(cursor, self) if self._is_lent else super().make_debug_cursor(cursor)

    @contextmanager
    def transaction_in_scope(self) -> Iterator[None]:
        """The open transaction, or one for the length of the block; it has the current scope."""
        if not self.autocommit:
            self._handle_search_path()
            yield
            return
        assert self.connection is not None, "a cursor has a connection"
        with self.connection.transaction():
            self._apply(APPLY_SCOPE_TO_TRANSACTION, current_scope(), self.connection.cursor())
            yield

    def commit(self) -> None:
        if self._is_lent:
            self.applied_scope = None
        super().commit()

    def rollback(self) -> None:
        self.applied_scope = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self.applied_scope = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Replaces django-tenants' ``SET search_path``: every organization lives in ``public``, the default."""
        scope = current_scope()
        if self._setting_search_path or scope == self.applied_scope or (self._is_lent and self.autocommit):
            return
        self._setting_search_path = True
        settings_cursor = self.connection.cursor() if cursor is None else cursor
        try:
            self._apply(APPLY_SCOPE_TO_TRANSACTION if self._is_lent else APPLY_SCOPE, scope, settings_cursor)
        except (django.db.utils.DatabaseError, psycopg.DatabaseError):
            # A transaction that has failed accepts nothing but a rollback; whatever comes next on this
            # connection fails too, unless it is that rollback, after which the scope is applied afresh.
            self.applied_scope = None
            if not self._transaction_has_failed():
                raise
        else:
            self.applied_scope = scope
        finally:
            self._setting_search_path = False
            if cursor is None:
                settings_cursor.close()

    def _apply(self, statement: str, scope: Scope, cursor: Any) -> None:
        organization = "" if scope.organization_id is None else str(scope.organization_id)
        cursor.execute(statement, [organization, str(scope.actor or "")])

    def _transaction_has_failed(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        return bool(self.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR)

"""The database backend that keeps every connection inside the scope of the code that uses it.

It stands on django-tenants' backend. All organizations share the schema ``public``, so what has to follow the
running code is not the search path but two PostgreSQL settings: ``app.organization_id``, which the row-level
security policies compare with, and ``app.actor``, which the audit trigger records. Both are applied in one round
trip, and only when the connection does not hold them already.

What the connection holds is forgotten after a rollback (PostgreSQL reverts a SET with its transaction), after a
savepoint's rollback, and on a new connection.
"""

from __future__ import annotations

from typing import Any

import django.db.utils
import psycopg
from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantsDatabaseWrapper
from django_tenants.postgresql_backend.base import FakeTenant

from incident_center.kernel.scope import Scope, current_scope, enter_scope

APPLY_SCOPE = "SELECT set_config('app.organization_id', %s, false), set_config('app.actor', %s, false)"


class DatabaseWrapper(TenantsDatabaseWrapper):
    """Applies the current scope to the connection before any statement runs on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.applied_scope: Scope | None = None
        self._constructed = False
        self._setting_search_path = False
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
        if self._setting_search_path or scope == self.applied_scope:
            return
        self._setting_search_path = True
        settings_cursor = self.connection.cursor() if cursor is None else cursor
        organization = "" if scope.organization_id is None else str(scope.organization_id)
        try:
            settings_cursor.execute(APPLY_SCOPE, [organization, str(scope.actor or "")])
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

    def _transaction_has_failed(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        return bool(self.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR)

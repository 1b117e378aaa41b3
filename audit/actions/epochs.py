"""A new epoch, where transaction ids have begun anew: in another database cluster, after a restore."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audit.actions.seal import seal_everything

logger = logging.getLogger(__name__)


def begin_epoch_after_restore(**_: Any) -> None:
    """After each migrate, which runs as the owner before anything serves: a new epoch in a new cluster.

    The cluster's identifier is made by initdb, so a database that was restored elsewhere shows itself.
    """
    if settings.DATABASE_AS != "owner" or "audit_epoch" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT system_identifier <> (SELECT system_identifier FROM pg_control_system())"
            "  FROM audit_epoch ORDER BY epoch DESC LIMIT 1"
        )
        is_elsewhere = cursor.fetchone()[0]
    if is_elsewhere:
        begin_epoch(reason="found in another database cluster")


def begin_epoch(*, reason: str) -> int:
    """Lets new entries be of a new epoch, and seals what is left of the one before. Runs as the owner role.

    Nothing else may be writing: entries that the old epoch receives after its last seal would count as added later.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_begin_epoch(%s)", [reason])
        epoch = int(cursor.fetchone()[0])
        cursor.execute("SELECT audit_guard_record(%s)", [reason])  # Restoring made all triggers anew.
    logger.warning("the record begins epoch %d: %s", epoch, reason)
    seal_everything()
    return epoch

"""Sealing: what can no longer be overtaken is put under a hash, and the hash is published."""

from __future__ import annotations

import logging
from functools import partial

from django.db import DatabaseError, connection, transaction

from audit import publishing
from incident_center.kernel.scope import no_scope

logger = logging.getLogger(__name__)

#: Bounds the memory of a sealing. A transaction of more entries is one seal all the same.
MOST_ENTRIES_IN_A_SEAL = 50_000


def seal_everything() -> int:
    """Seals the record of every organization, and the installation's, as far as it goes; how many seals it made.

    Raises:
        DatabaseError: a record could not be sealed; all others were.
    """
    with no_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM audit_organizations_to_seal()")
        waiting = [row[0] for row in cursor.fetchall()]
    made, trouble = 0, None
    for organization_id in waiting:
        try:
            made += _seal(organization_id)
        except DatabaseError as error:  # One record's trouble must not leave the others open.
            logger.error("the record of organization %s could not be sealed: %s", organization_id, error)
            trouble = trouble or error
    transaction.on_commit(publishing.publish_seals, robust=True)
    if trouble is not None:
        raise trouble
    return made


def seal_organization(organization_id: int) -> int:
    """Seals one organization's record now, before it is verified or handed out; how many seals it made."""
    made = _seal(organization_id)
    if made:
        transaction.on_commit(partial(publishing.publish_seals, is_waited_for=True), robust=True)
    return made


def _seal(organization_id: int | None) -> int:
    """PostgreSQL computes and writes the seals itself: the caller has no say in what they vouch for."""
    made = 0
    while True:
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT audit_seal(%s, %s)", [organization_id, MOST_ENTRIES_IN_A_SEAL])
            if cursor.fetchone()[0] is None:
                return made
        made += 1

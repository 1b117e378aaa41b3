"""Taking an organization out of the installation: everything exported first, then removed, and that recorded.

Runs as the database's owner. The append-only tables refuse DELETE even to it, so their triggers are switched off
inside the one transaction that removes the rows; whoever watches the database sees that happen.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from organizations.models import Membership, Organization, User

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
# Who is behind the ids in all the other files; without passwords and second factors, which are nobody else's.
PEOPLE = """
SELECT row_to_json(person)::text
  FROM (SELECT id, email, name, date_joined FROM organizations_user
         WHERE id IN (SELECT user_id FROM organizations_membership WHERE organization_id = %s)) AS person
"""
OWNED_TABLES = """
SELECT class.relname, attribute.attname FROM pg_class AS class
  JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND NOT attribute.attisdropped
 WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
   AND (attribute.attname = 'organization_id'
        OR (class.relname, attribute.attname) IN
           (('organizations_organization', 'id'), ('organizations_domain', 'tenant_id')))
 ORDER BY class.relname
"""
RECORD = """
INSERT INTO audit_entry (id, organization_id, at, transaction_id, actor, table_name, operation, object_id, before)
VALUES (uuid7_now(), NULL, clock_timestamp(), pg_current_xact_id()::text::bigint, %s, 'organizations_organization',
        'delete', %s, %s::jsonb)
"""


@dataclass(frozen=True)
class ExportedTable:
    """One file of the export: JSON lines, one row each."""

    table: str
    rows: int
    sha256: str


def owned_tables() -> list[tuple[str, str]]:
    """Every table that holds rows of organizations, with the column that says whose."""
    with connection.cursor() as cursor:
        cursor.execute(OWNED_TABLES)
        return [(row[0], row[1]) for row in cursor.fetchall()]


def export_organization(organization: Organization, folder: Path) -> list[ExportedTable]:
    """Writes every table as JSON lines, and a manifest with their SHA-256, into a new folder.

    Raises:
        FileExistsError: the folder is there already.
    """
    folder.mkdir(parents=True, exist_ok=False, mode=0o700)
    exported = []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        exported = [_export_table(table, column, organization.pk, folder) for table, column in owned_tables()]
        exported.append(_export(User._meta.db_table, sql.SQL(PEOPLE), organization.pk, folder))
    manifest = {
        "organization": {"id": str(organization.public_id), "name": organization.name, "slug": organization.slug},
        "exported_at": timezone.now().isoformat(),
        "files": [{"file": f"{e.table}.jsonl", "rows": e.rows, "sha256": e.sha256} for e in exported],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return exported


def _export_table(table: str, column: str, organization_id: int, folder: Path) -> ExportedTable:
    query = sql.SQL("SELECT row_to_json(t)::text FROM {} AS t WHERE {} = %s").format(
        sql.Identifier(table), sql.Identifier("t", column)
    )
    return _export(table, query, organization_id, folder)


def _export(table: str, query: sql.Composable, organization_id: int, folder: Path) -> ExportedTable:
    digest, rows = hashlib.sha256(), 0
    with (
        (folder / f"{table}.jsonl").open("wb") as file,
        connection.connection.cursor(name=f"export_{table}") as cursor,  # A server-side cursor: memory stays flat.
    ):
        cursor.itersize = 5_000
        cursor.execute(query, [organization_id])
        for (line,) in cursor:
            encoded = line.encode() + b"\n"
            file.write(encoded)
            digest.update(encoded)
            rows += 1
    return ExportedTable(table, rows, digest.hexdigest())


def remove_organization(organization: Organization, *, actor: str, exported: list[ExportedTable]) -> None:
    """Removes every row of the organization and its people, in one transaction, and records that."""
    tables = owned_tables()
    # One entry records the removal; the people's own would keep the names that are to go.
    silenced = [*(table for table, _ in tables), User._meta.db_table, Authenticator._meta.db_table]
    with transaction.atomic():
        people = list(Membership.objects.filter(organization=organization).values_list("user_id", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in silenced:
                cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
            for table, column in tables:
                cursor.execute(
                    sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column)),
                    [organization.pk],
                )
            User.objects.filter(pk__in=people).delete()
            # Deferred checks must be done before the tables can be altered again.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in silenced:
                cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
            before = {
                "name": organization.name,
                "slug": organization.slug,
                "rows": {one.table: one.rows for one in exported if one.rows},
                "people": len(people),
            }
            # The record's own guards were off and are on again; every seal says so, and this says why.
            cursor.execute("SELECT audit_guard_record(%s)", [f"organization {organization.public_id} was removed"])
            cursor.execute(RECORD, [actor, str(organization.public_id), json.dumps(before)])
    logger.warning("organization %s (%s) was removed with all its data", organization.slug, organization.public_id)

"""The wall in raw SQL, past all of our Python: what someone with the runtime role's password can and cannot do."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.factories import make_world


@pytest.fixture
def worlds(committed_database):
    acme, globex = make_world("Acme", roles=()), make_world("Globex", roles=())
    acme.service("acme-service")
    globex.service("globex-service")
    connection.close()
    return acme, globex


def enter(session: psycopg.Connection, organization_id: int) -> None:
    session.execute("SELECT set_config('app.organization_id', %s, false)", [str(organization_id)])


def walled_tables(session: psycopg.Connection) -> list[str]:
    rows = session.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
        " AND NOT relispartition ORDER BY relname"
    )
    return [row[0] for row in rows]


def test_every_table_with_an_organization_is_walled_and_forced(owner_connection, worlds):
    unwalled = owner_connection.execute(
        """
        SELECT table_class.relname FROM pg_class AS table_class
          JOIN pg_attribute AS attribute ON attribute.attrelid = table_class.oid
         WHERE table_class.relnamespace = 'public'::regnamespace AND table_class.relkind IN ('r', 'p')
           AND NOT table_class.relispartition AND attribute.attname = 'organization_id'
           AND NOT (table_class.relrowsecurity AND table_class.relforcerowsecurity)
        """
    ).fetchall()
    assert unwalled == []


def test_no_table_shows_a_row_without_a_scope(runtime_connection, owner_connection, worlds):
    for table in walled_tables(owner_connection):
        try:
            count = runtime_connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        except psycopg.errors.InsufficientPrivilege:
            continue
        assert count.fetchone() == (0,), table


def test_no_table_shows_another_organizations_row(runtime_connection, owner_connection, worlds):
    acme, _ = worlds
    enter(runtime_connection, acme.organization.pk)
    for table in walled_tables(owner_connection):
        column = {"organizations_organization": "id", "organizations_domain": "tenant_id"}.get(table, "organization_id")
        try:
            found = runtime_connection.execute(
                sql.SQL("SELECT DISTINCT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
            ).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            continue
        assert {row[0] for row in found} <= {acme.organization.pk}, table


def test_a_row_cannot_be_written_into_another_organization(runtime_connection, worlds):
    acme, globex = worlds
    enter(runtime_connection, acme.organization.pk)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        runtime_connection.execute(
            "INSERT INTO organizations_team (id, organization_id, name, description, created_at)"
            " VALUES (gen_random_uuid(), %s, 'spies', '', now())",
            [globex.organization.pk],
        )
    moved = "UPDATE organizations_service SET organization_id = %s"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        runtime_connection.execute(moved, [globex.organization.pk])


def test_a_reference_cannot_cross_the_wall(runtime_connection, worlds):
    """Foreign keys are checked past row-level security: only the composite key refuses this one."""
    acme, globex = worlds
    theirs = globex.service("wanted")
    connection.close()
    enter(runtime_connection, acme.organization.pk)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="api_key_service"):
        runtime_connection.execute(
            "INSERT INTO organizations_apikey"
            " (id, organization_id, service_id, name, prefix, secret_hash, created_by_id, created_at)"
            " VALUES (gen_random_uuid(), %s, %s, 'x', 'ick_00000000', '\\x00', %s, now())",
            [acme.organization.pk, theirs.pk, acme.owner.user_id],
        )


def test_the_owner_role_migrates_data_under_force(owner_connection, worlds):
    """Without the owner's own policy, FORCE would make this UPDATE touch 0 rows, silently."""
    updated = owner_connection.execute("UPDATE organizations_service SET description = 'migrated'")
    assert updated.rowcount == 2


def test_partitions_cannot_be_read_around_their_parent(runtime_connection, owner_connection, worlds):
    partitions = owner_connection.execute(
        "SELECT relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert partitions, "there is no partition to try"
    for (partition,) in partitions:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            runtime_connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(partition)))


def test_lookups_answer_for_one_and_tell_nothing_more(runtime_connection, worlds):
    acme, _ = worlds
    found = runtime_connection.execute("SELECT * FROM membership_of_user(%s)", [acme.owner.user_id]).fetchall()
    assert [row[1] for row in found] == [acme.organization.pk]
    assert runtime_connection.execute("SELECT * FROM api_key_identity('\\x00')").fetchall() == []
    enter(runtime_connection, acme.organization.pk)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime_connection.execute("TRUNCATE organizations_service CASCADE")

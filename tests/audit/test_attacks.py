"""Attacks on the record, by everyone who can reach it in SQL: each is refused or found."""

from __future__ import annotations

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from audit import leaves
from audit.actions.seal import seal_everything
from audit.models import AuditEntry
from audit.verification import FaultKind, Verdict, verify_record

FORGED = """
INSERT INTO audit_entry (id, organization_id, at, transaction_id, actor, table_name, operation, object_id, after)
SELECT gen_random_uuid(), organization_id, at, transaction_id, actor, table_name, operation, object_id, after
  FROM audit_entry WHERE id = %(entry)s
"""
RUNTIME = [
    "UPDATE audit_entry SET actor = 'user:someone-else' WHERE id = %(entry)s",
    "DELETE FROM audit_entry WHERE id = %(entry)s",
    FORGED,
    "TRUNCATE audit_entry",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE organizations_service DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "UPDATE audit_seal SET entries = 0",
    "DELETE FROM audit_seal",
    "INSERT INTO audit_seal SELECT * FROM audit_seal",
    "UPDATE audit_epoch SET epoch = 7",
    "INSERT INTO audit_guard (reason) VALUES ('nothing')",
    "SELECT audit_guard_record('nothing')",
    "SELECT audit_begin_epoch('nothing')",
    "UPDATE audit_signing_key SET public = 'mine'",
    "INSERT INTO audit_signing_key SELECT gen_random_uuid(), now(), private, 'mine' FROM audit_signing_key",
    "DELETE FROM audit_signing_key",
]


@pytest.fixture
def victim(acme):
    """An entry in the middle of the sealed record; with the seals published."""
    seal_everything()
    acme.service("after the first seal")
    seal_everything()
    with acme.scope():
        return AuditEntry.objects.filter(table_name="organizations_service").order_by("position")[1]


def verdict_on(world) -> Verdict:
    connection.close()
    with world.scope():
        return verify_record(world.organization.pk)


def found(world) -> FaultKind | None:
    fault = verdict_on(world).first_invalid
    return fault.kind if fault else None


def as_owner_past_the_triggers(session: psycopg.Connection, *statements: str, **parameters: object) -> None:
    """What an owner can do who switches the triggers off for a moment, and leaves them as they were."""
    with session.transaction():
        session.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        session.execute("ALTER TABLE audit_seal DISABLE TRIGGER USER")
        for statement in statements:
            session.execute(statement, parameters)
        session.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
        session.execute("ALTER TABLE audit_seal ENABLE TRIGGER USER")


@pytest.mark.parametrize("statement", RUNTIME)
def test_the_runtime_role_is_refused(statement, acme, victim, runtime_connection):
    runtime_connection.execute("SELECT set_config('app.organization_id', %s, false)", [str(acme.organization.pk)])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime_connection.execute(statement, {"entry": victim.pk})
    assert found(acme) is None


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE audit_entry SET actor = 'user:someone-else' WHERE id = %(entry)s", FaultKind.CHANGED),
        ("UPDATE audit_entry SET at = at + interval '1 second' WHERE id = %(entry)s", FaultKind.CHANGED),
        ('UPDATE audit_entry SET after = after || \'{"name": "x"}\' WHERE id = %(entry)s', FaultKind.CHANGED),
        ("DELETE FROM audit_entry WHERE id = %(entry)s", FaultKind.REMOVED),
        ("UPDATE audit_entry SET organization_id = NULL WHERE id = %(entry)s", FaultKind.REMOVED),
    ],
)
def test_an_owner_who_changes_an_entry_is_found(statement, kind, acme, victim, owner_connection):
    as_owner_past_the_triggers(owner_connection, statement, entry=victim.pk)
    fault = verdict_on(acme).first_invalid
    assert (fault.kind, fault.entry) == (kind, str(victim.pk))


def test_an_owner_who_adds_an_entry_in_the_past_is_found(acme, victim, owner_connection):
    owner_connection.execute(FORGED, {"entry": victim.pk})  # Inserting is the owner's right; no trigger stands there.
    with acme.scope():
        forged = AuditEntry.objects.latest("position")
    fault = verdict_on(acme).first_invalid
    assert (fault.kind, fault.entry) == (FaultKind.ADDED, str(forged.pk))


@pytest.mark.parametrize(("page", "twins"), [(1, 1), (1, 3), (2, 3)])
def test_a_forged_entry_at_the_place_of_a_true_one_does_not_hide_at_the_end_of_a_page(
    page, twins, acme, victim, owner_connection, monkeypatch
):
    monkeypatch.setattr(leaves, "PAGE", page)
    at_its_place = FORGED.replace("transaction_id, actor", "transaction_id, position, actor")
    at_its_place = at_its_place.replace("SELECT", "OVERRIDING SYSTEM VALUE SELECT")
    for _ in range(twins):
        owner_connection.execute(at_its_place, {"entry": victim.pk})
    assert found(acme) is FaultKind.ADDED


@pytest.mark.parametrize(
    ("at", "transaction"),
    [
        ("now() - interval '90 days'", "pg_current_xact_id()::text::bigint"),
        ("now() + interval '2 days'", "pg_current_xact_id()::text::bigint"),
        ("'infinity'::timestamptz", "pg_current_xact_id()::text::bigint"),
        ("now() - interval '90 days'", "9000000000000000000"),  # No seal ever reaches it.
    ],
)
def test_an_entry_that_is_forged_now_and_dated_otherwise_is_found(at, transaction, acme, victim, owner_connection):
    """It is sealed like any other, behind all that is true; but lists would show it where its date says."""
    columns = "gen_random_uuid(), organization_id, "
    forged = FORGED.replace(f"{columns}at, transaction_id", f"{columns}{at}, {transaction}")
    (entry,) = owner_connection.execute(f"{forged} RETURNING id", {"entry": victim.pk}).fetchone()
    seal_everything()
    fault = verdict_on(acme).first_invalid
    assert (fault.kind, fault.entry) == (FaultKind.MISDATED, str(entry))


def test_an_owner_who_reorders_entries_is_found(acme, victim, owner_connection):
    with acme.scope():
        other = AuditEntry.objects.filter(position__gt=victim.position).order_by("position").first()
    swap = """
        UPDATE audit_entry AS entry SET transaction_id = other.transaction_id FROM audit_entry AS other
         WHERE (entry.id, other.id) IN ((%(entry)s, %(other)s), (%(other)s, %(entry)s))
    """
    as_owner_past_the_triggers(owner_connection, swap, entry=victim.pk, other=other.pk)
    assert found(acme) is FaultKind.REORDERED


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE audit_seal SET sealed_at = sealed_at - interval '1 day' WHERE number = 1", FaultKind.SEAL_CHANGED),
        ("UPDATE audit_seal SET contents = '' WHERE number = 1", FaultKind.GUARD_CHANGED),
        ("DELETE FROM audit_seal WHERE number = 1", FaultKind.SEAL_REMOVED),
        ("DELETE FROM audit_seal WHERE number = 2", FaultKind.SEAL_REMOVED),
    ],
)
def test_an_owner_who_touches_a_seal_is_found(statement, kind, acme, victim, owner_connection):
    as_owner_past_the_triggers(owner_connection, statement)
    assert found(acme) is kind


def test_a_changed_entry_is_found_even_where_the_list_of_the_seal_was_changed_with_it(acme, victim, owner_connection):
    update = "UPDATE audit_entry SET actor = 'user:someone-else' WHERE id = %(entry)s"
    hide = """
        UPDATE audit_seal SET contents = (
          SELECT string_agg(uuid_send(id) || substring(
                   sha256('\\x00'::bytea || convert_to(row_to_json(line)::text, 'UTF8')) FOR 16),
                   ''::bytea ORDER BY transaction_id, position)
            FROM (SELECT id, organization_id, epoch, transaction_id, position,
                         to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
                         actor, table_name, operation, object_id, before, after FROM audit_entry
                   WHERE organization_id = audit_seal.organization_id
                     AND transaction_id >= from_transaction AND transaction_id < until_transaction) AS line)
         WHERE organization_id IS NOT NULL
    """
    as_owner_past_the_triggers(owner_connection, update, hide, entry=victim.pk)
    fault = verdict_on(acme).first_invalid
    assert (fault.kind, fault.seal) == (FaultKind.SEAL_CHANGED, 1)


def test_dropping_a_trigger_and_making_it_again_is_found(acme, victim, owner_connection):
    """The change itself left no entry: that the guard was another says that something was done."""
    definition = owner_connection.execute(
        "SELECT pg_get_triggerdef(oid), tgname FROM pg_trigger"
        " WHERE tgrelid = 'organizations_service'::regclass AND tgname LIKE '%audit%'"
    ).fetchone()
    with owner_connection.transaction():
        owner_connection.execute(f'DROP TRIGGER "{definition[1]}" ON organizations_service')
        owner_connection.execute("UPDATE organizations_service SET description = 'unseen'")
        owner_connection.execute(definition[0])
    assert found(acme) is FaultKind.GUARD_CHANGED
    acme.service("sealed afterwards")
    seal_everything()
    assert found(acme) is FaultKind.GUARD_CHANGED


@pytest.mark.parametrize(
    "swallow",
    [
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        " CREATE TRIGGER swallow BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION swallow()",
        "CREATE RULE swallow AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    ],
)
def test_a_change_whose_entry_is_swallowed_does_not_happen(swallow, acme, victim, owner_connection):
    """Such a trigger or rule, made and dropped again between two seals, would leave the guard as it was."""
    refused = pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="its audit entry was not written")
    with refused, owner_connection.transaction():
        owner_connection.execute(swallow)
        owner_connection.execute("UPDATE organizations_service SET description = 'unseen'")


def test_a_function_of_ours_that_says_otherwise_does_not_explain_the_guard(acme, victim, owner_connection):
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE organizations_service DISABLE TRIGGER USER")
        owner_connection.execute("UPDATE organizations_service SET description = 'unseen'")
        owner_connection.execute("ALTER TABLE organizations_service ENABLE TRIGGER USER")
        owner_connection.execute(
            "CREATE OR REPLACE FUNCTION audit_guard_reason(found bytea, at timestamptz) RETURNS text"
            " LANGUAGE sql STABLE AS $$ SELECT 'migrate' $$"
        )
    assert found(acme) is FaultKind.GUARD_CHANGED


def test_a_guard_that_migrate_changed_is_no_fault(acme, victim, owner_connection):
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE organizations_service DISABLE TRIGGER USER")
        owner_connection.execute("ALTER TABLE organizations_service ENABLE TRIGGER USER")
        owner_connection.execute("SELECT audit_guard_record('migrate')")
    acme.service("sealed afterwards")
    seal_everything()
    verdict = verdict_on(acme)
    assert verdict.valid
    assert [(change.seal, change.reason) for change in verdict.guard_changes] == [(3, "migrate")]


def test_rewriting_the_whole_chain_is_found_by_the_published_seals_and_by_nothing_else(
    acme, victim, owner_connection, seals_file, tmp_path
):
    """The owner changes an entry, removes all seals, has PostgreSQL make them anew, and explains the guard away."""
    as_owner_past_the_triggers(
        owner_connection,
        "UPDATE audit_entry SET actor = 'user:someone-else' WHERE id = %(entry)s",
        "DELETE FROM audit_seal",
        entry=victim.pk,
    )
    owner_connection.execute("SELECT audit_guard_record('migrate')")
    while owner_connection.execute("SELECT audit_seal(%s, 50000)", [acme.organization.pk]).fetchone()[0]:
        pass
    assert found(acme) is FaultKind.SEAL_REWRITTEN
    anchor = seals_file.rename(tmp_path / "kept elsewhere.jsonl")
    assert found(acme) is None  # Without the anchor the forged chain is as good as the true one.
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--organization", acme.organization.slug, "--seals", str(anchor))
    assert ended.value.code == 1


def test_the_command_ends_with_the_verdict(acme, victim, owner_connection, capsys):
    call_command("verify_audit")
    as_owner_past_the_triggers(owner_connection, "DELETE FROM audit_entry WHERE id = %(entry)s", entry=victim.pk)
    connection.close()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 1
    assert f"INVALID: The entry {victim.pk}, sealed under seal 1, was removed." in capsys.readouterr().out

"""The record is written by the database, for whoever makes the change, and by nobody else."""

from __future__ import annotations

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from audit import messages, selectors
from incident_center.kernel.scope import Actor
from organizations.access import Role
from organizations.actions.members import member_change
from tests.factories import make_world


def newest(world, table: str):
    with world.scope():
        return selectors.entries(table=table).first()


def sentence(world, table: str) -> str:
    with world.scope():
        entry = selectors.entries(table=table).first()
        return messages.message(entry, selectors.names_for([entry]))


@pytest.mark.django_db
def test_a_promotion_reads_as_a_sentence():
    world = make_world()
    engineer = world.members[Role.ENGINEER]
    with world.scope():
        member_change(membership_id=engineer.pk, actor=world.actor, role=Role.TEAM_LEAD)
    owner, name = world.owner.user.name, engineer.user.name
    assert sentence(world, "organizations_membership") == f"{owner} promoted {name} from engineer to team lead"


@pytest.mark.django_db
def test_secrets_are_not_recorded():
    world = make_world(roles=())
    issued = world.key()
    entry = newest(world, "organizations_apikey")
    assert entry.after["secret_hash"] == "[redacted]"
    assert issued.key not in str(entry.after)
    with world.scope():
        people = list(selectors.entries(table="organizations_user"))
    assert all(entry.after["password"] == "[redacted]" for entry in people)


@pytest.mark.django_db
def test_noise_is_not_recorded():
    world = make_world(roles=())
    issued = world.key()
    with world.scope():
        before = selectors.entries(table="organizations_apikey").count()
        type(issued.row).objects.filter(pk=issued.row.pk).update(last_used_at="2026-01-01T00:00:00Z")
        assert selectors.entries(table="organizations_apikey").count() == before


@pytest.mark.django_db
def test_second_factors_are_recorded_without_their_secrets_and_uses():
    world = make_world(roles=())
    with world.scope():
        factor = Authenticator.objects.create(user=world.owner.user, type="totp", data={"secret": "hidden"})
        factor.record_usage()
    name = world.owner.user.name
    assert sentence(world, "mfa_authenticator") == f"{name} set up the authenticator app of {name}"
    assert "hidden" not in str(newest(world, "mfa_authenticator").after)
    with world.scope():
        factor.delete()
        assert selectors.entries(table="mfa_authenticator").count() == 2
    assert sentence(world, "mfa_authenticator") == f"{name} removed the authenticator app of {name}"


@pytest.mark.django_db
def test_a_change_by_raw_sql_is_recorded_with_the_role_that_made_it():
    world = make_world(roles=())
    service = world.service()
    with world.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', '', false)")
        cursor.execute("UPDATE organizations_service SET description = 'by hand' WHERE id = %s", [service.pk])
    connection.applied_scope = None
    assert newest(world, "organizations_service").actor == "database:incident_center_runtime"


@pytest.mark.django_db
def test_another_organization_sees_none_of_it():
    acme, globex = make_world("Acme", roles=()), make_world("Globex", roles=())
    acme.service()
    with globex.scope():
        assert not selectors.entries(table="organizations_service").exists()


REFUSED = [
    "UPDATE audit_entry SET actor = 'user:nobody'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
    "INSERT INTO audit_entry (id, organization_id, at, transaction_id, actor, table_name, operation, object_id)"
    " SELECT gen_random_uuid(), max(id), now(), 1, 'user:forged', 'x', 'insert', 'x' FROM organizations_organization",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_runtime_role_cannot_touch_entries(committed_database, runtime_connection, statement):
    world = make_world(roles=())
    connection.close()
    runtime_connection.execute("SELECT set_config('app.organization_id', %s, false)", [str(world.organization.pk)])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime_connection.execute(statement)


@pytest.mark.parametrize("statement", REFUSED[:3])
def test_not_even_the_owner_changes_entries(committed_database, owner_connection, statement):
    make_world(roles=())
    connection.close()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        owner_connection.execute(statement)


def test_pgtrigger_ignore_does_not_switch_the_record_off(committed_database, runtime_connection):
    world = make_world(roles=())
    world.service()
    connection.close()
    session = runtime_connection
    session.execute("SELECT set_config('app.organization_id', %s, false)", [str(world.organization.pk)])
    triggers = session.execute(
        "SELECT array_agg(tgname::text)::text FROM pg_trigger WHERE NOT tgisinternal"
    ).fetchone()[0]
    session.execute("SELECT set_config('pgtrigger.ignore', %s, false)", [triggers])
    session.execute("UPDATE organizations_service SET description = 'quietly'")
    changed = session.execute(
        "SELECT after ->> 'description' FROM audit_entry ORDER BY position DESC LIMIT 1"
    ).fetchone()
    assert changed == ("quietly",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("DELETE FROM audit_entry")


def test_the_runtime_role_cannot_call_the_recording_function(committed_database, runtime_connection):
    with pytest.raises(psycopg.Error):
        runtime_connection.execute("SELECT audit_capture()")


def test_an_actor_is_read_back_as_it_was_written():
    for actor in (Actor.system("sweep/x"), Actor("user", "01a1fbf9-ec9c-7160-9213-59b512d27e98")):
        assert Actor.parse(str(actor)) == actor
    with pytest.raises(ValueError, match="not an actor"):
        Actor.parse("robot")

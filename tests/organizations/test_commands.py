"""The operator's commands, as processes of their own, with the roles that they really run as."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from tests.factories import make_world
from tests.servers import ROOT


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_off_boarding_exports_removes_and_records(committed_database, owner_connection, tmp_path):
    leaving, staying = make_world("Leaving"), make_world("Staying")
    for world in (leaving, staying):
        world.key(world.service())
    with leaving.scope():
        Authenticator.objects.create(user=leaving.owner.user, type="totp", data={})
    connection.close()
    done = manage("delete_organization", leaving.organization.slug, "--export", str(tmp_path / "out"), "--yes")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    files = {entry["file"]: entry for entry in manifest["files"]}
    assert files["organizations_membership.jsonl"]["rows"] == 5
    assert files["audit_entry.jsonl"]["rows"] > 10
    people = [json.loads(line) for line in (tmp_path / "out/organizations_user.jsonl").read_text().splitlines()]
    assert {person["email"] for person in people} == {member.user.email for member in leaving.members.values()}
    assert all(set(person) == {"id", "email", "name", "date_joined"} for person in people), "no secrets"
    for name, entry in files.items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == entry["sha256"]
    left = owner_connection.execute(
        "SELECT (SELECT count(*) FROM organizations_organization WHERE slug = 'leaving'),"
        " (SELECT count(*) FROM audit_entry WHERE organization_id = %s),"
        " (SELECT count(*) FROM organizations_user WHERE id = %s),"
        " (SELECT count(*) FROM organizations_membership)",
        [leaving.organization.pk, leaving.owner.user_id],
    ).fetchone()
    assert left == (0, 0, 0, 5)
    record = owner_connection.execute(
        "SELECT before ->> 'slug' FROM audit_entry WHERE organization_id IS NULL AND operation = 'delete'"
    ).fetchall()
    assert record == [("leaving",)]
    with pytest.raises(Exception, match="append-only"):
        owner_connection.execute("DELETE FROM audit_entry")


def test_off_boarding_an_unknown_organization_says_so(committed_database, tmp_path):
    done = manage("delete_organization", "nobody", "--export", str(tmp_path / "out"), "--yes")
    assert done.returncode == 1
    assert "There is no organization 'nobody'." in done.stderr


def test_an_operator_founds_organizations_where_strangers_may_not(committed_database, monkeypatch):
    monkeypatch.setenv("ALLOW_SIGNUP", "0")
    done = manage("create_organization", "Acme", "--email", "ada@example.com", "--name", "Ada")
    assert done.returncode == 0, done.stderr
    assert "shown this once" in done.stdout
    again = manage("create_organization", "Acme", "--email", "ada@example.com", "--name", "Ada")
    assert again.returncode == 1
    assert "has an account already" in again.stderr


def test_an_operator_belongs_to_no_organization(committed_database, owner_connection):
    assert manage("create_operator", "--email", "op@example.com", "--name", "Op").returncode == 0
    row = owner_connection.execute(
        "SELECT is_operator FROM organizations_user WHERE email = 'op@example.com'"
    ).fetchone()
    assert row == (True,)

"""Django's admin: one's own organization for owners, the list of organizations for operators, nothing for the rest."""

from __future__ import annotations

import pytest
from django.test import Client

from organizations.access import Role
from organizations.actions.people import operator_create
from tests.factories import PASSWORD, make_world

pytestmark = pytest.mark.django_db
MEMBERS = "/admin/organizations/membership/"


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_owner_sees_and_changes_the_own_members_only():
    acme, globex = make_world("Acme"), make_world("Globex")
    client = client_of(acme.user(Role.OWNER))
    page = client.get(MEMBERS).content.decode()
    assert acme.user(Role.ENGINEER).email in page
    assert globex.user(Role.ENGINEER).email not in page
    engineer = acme.members[Role.ENGINEER]
    saved = client.post(f"{MEMBERS}{engineer.pk}/change/", {"role": "team_lead", "is_active": "on"})
    assert saved.status_code == 302
    with acme.scope():
        engineer.refresh_from_db()
    assert engineer.role == Role.TEAM_LEAD
    foreign = client.post(f"{MEMBERS}{globex.members[Role.ENGINEER].pk}/change/", {"role": "owner", "is_active": "on"})
    assert foreign.status_code in (302, 404)
    with globex.scope():
        globex.members[Role.ENGINEER].refresh_from_db()
    assert globex.members[Role.ENGINEER].role == Role.ENGINEER


def test_the_last_owner_cannot_be_demoted_here_either():
    acme = make_world("Acme")
    owner = acme.owner
    answer = client_of(owner.user).post(
        f"{MEMBERS}{owner.pk}/change/", {"role": "engineer", "is_active": "on"}, follow=True
    )
    assert "no active owner" in answer.content.decode()
    with acme.scope():
        owner.refresh_from_db()
    assert owner.role == Role.OWNER


@pytest.mark.parametrize("role", [Role.TEAM_LEAD, Role.ENGINEER, Role.AUDITOR, Role.REPORTER])
def test_nobody_else_gets_in(role):
    client = client_of(make_world("Acme").user(role))
    assert client.get(MEMBERS).status_code in (302, 403)
    assert client.get("/admin/").status_code in (302, 403)


def test_an_operator_sees_the_organizations_and_no_members():
    acme = make_world("Acme Robotics")
    operator = operator_create(email="op@example.com", password=PASSWORD, name="Op")
    client = client_of(operator)
    assert "Acme Robotics" in client.get("/admin/organizations/user/").content.decode()
    assert client.get(MEMBERS).status_code == 403
    assert client_of(acme.user(Role.OWNER)).get("/admin/organizations/user/").status_code == 403

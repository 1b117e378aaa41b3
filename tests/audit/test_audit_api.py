"""Reading and verifying the record, by API and on its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from audit import selectors
from audit.actions.access_record import access_record
from audit.actions.seal import seal_organization
from audit.actions.verification_run import verification_run
from audit.models import AccessKind, AuditEntry, AuditVerification
from audit.sweeps import plan_verifications
from notifications.models import Delivery, Notification
from organizations.access import Role
from organizations.actions.people import user_create
from organizations.actions.teams import team_create, team_delete
from organizations.models import Membership
from organizations.tokens import issue_tokens
from tests.factories import PASSWORD, World, make_world


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def speaker(world: World, role: Role = Role.AUDITOR) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(role)).access}"})


def portal(world: World, role: Role = Role.AUDITOR) -> Client:
    client = Client()
    client.force_login(world.user(role))
    return client


def messages_of(world: World, **filters: str) -> list[str]:
    return [each["message"] for each in speaker(world, Role.OWNER).get("/v1/audit", filters).json()["results"]]


def test_who_read_the_record_is_on_the_record_once(world):
    name = world.user(Role.AUDITOR).name
    client = speaker(world)
    for _ in range(2):
        client.get("/v1/audit", {"table": "organizations_team"})
    client.get("/v1/audit")
    looks = messages_of(world, table="audit_access")
    assert looks == [f"{name} read the audit log", f"{name} read the audit log (table organizations_team)"]


def test_an_export_is_on_the_record_each_time(world):
    with world.scope():
        for _ in range(2):
            access_record(actor=world.actor, kind=AccessKind.EXPORTED, subject="incidents as CSV")
    assert messages_of(world, table="audit_access") == [f"{world.owner.user.name} exported incidents as CSV"] * 2


def test_filters_narrow_the_record_down(world):
    service = world.service("payments")
    key = world.key(service)
    found = speaker(world).get("/v1/audit", {"table": "organizations_service", "object": str(service.public_id)}).json()
    assert [each["operation"] for each in found["results"]] == ["insert"]
    assert found["results"][0]["message"].endswith("created the service payments in production")
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    assert speaker(world).get("/v1/audit", {"from": tomorrow}).json()["results"] == []
    assert len(speaker(world).get("/v1/audit", {"to": tomorrow}).json()["results"]) > 5
    assert messages_of(world, actor=f"key:{key.row.pk}") == []


def test_pages_follow_each_other_without_gap_or_repetition(world):
    for number in range(7):
        world.service(f"service-{number}")
    client, seen, address = speaker(world), [], "/v1/audit?table=organizations_service&page_size=3"
    while address:
        page = client.get(address).json()
        seen += [each["id"] for each in page["results"]]
        address = page["next"]
    with world.scope():
        entries = AuditEntry.objects.filter(table_name="organizations_service").order_by("-at", "-position")
        assert seen == [str(entry.pk) for entry in entries]


def test_what_was_removed_stays_named(world):
    with world.scope():
        team = team_create(actor=world.actor, name="Night watch")
        type(team).objects.filter(pk=team.pk).update(name="Day watch")
        team_delete(team_id=team.pk, actor=world.actor)
    assert any("Day watch: name from Night watch to Day watch" in each for each in messages_of(world))
    engineer = world.user(Role.ENGINEER)
    with world.scope():
        assert selectors.former_names("organizations_user", [str(engineer.pk)]) == {str(engineer.pk): engineer.name}


def test_verification_answers_by_api(acme):
    client = speaker(acme, Role.OWNER)
    answer = client.get("/v1/audit/verify").json()
    assert (answer["valid"], answer["unsealed"]) == (True, 0)
    assert answer["entries"] > 5 and answer["sealed_until"] and "first_invalid" not in answer
    assert f"{acme.owner.user.name} verified the audit log" in messages_of(acme)


def test_a_fault_is_named_by_api_and_on_the_page(acme, owner_connection):
    client = speaker(acme, Role.OWNER)
    assert client.get("/v1/audit/verify").json()["valid"] is True
    with acme.scope():
        victim = AuditEntry.objects.order_by("position")[2]
    connection.close()
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        owner_connection.execute("DELETE FROM audit_entry WHERE id = %s", [victim.pk])
        owner_connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    answer = client.get("/v1/audit/verify").json()
    assert answer["valid"] is False
    assert (answer["first_invalid"]["kind"], answer["first_invalid"]["entry"]) == ("removed", str(victim.pk))
    page = portal(acme, Role.OWNER).get("/audit").content.decode()
    assert "The record is not intact." in page and str(victim.pk) in page


def tamper(acme: World, owner_connection) -> AuditEntry:
    """Says of an entry that somebody else did it, as the tables' owner can."""
    with acme.scope():
        seal_organization(acme.organization.pk)
        victim = AuditEntry.objects.order_by("position")[2]
    connection.close()
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        owner_connection.execute("UPDATE audit_entry SET actor = 'system:nobody' WHERE id = %s", [victim.pk])
        owner_connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    return victim


def planned() -> list[int]:
    """Whose daily verification the sweep plans now."""
    plan_verifications()
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM audit_verifications_due()")
        return [row[0] for row in cursor.fetchall()]


def test_each_record_is_verified_once_a_day(acme):
    assert planned() == []  # Nothing is sealed yet.
    seal_organization(acme.organization.pk)
    assert planned() == planned() == [acme.organization.pk]
    with acme.scope():
        assert verification_run(verification_id=AuditVerification.objects.get().pk).valid
        assert "verified the audit log" not in str(list(AuditEntry.objects.values_list("after", flat=True)))
    assert planned() == []
    with acme.scope():
        AuditVerification.objects.update(finished_at=timezone.now() - timedelta(days=1, seconds=1))
    assert planned() == [acme.organization.pk]


def test_who_waits_for_a_verification_comes_first(acme):
    seal_organization(acme.organization.pk)
    planned()
    with acme.scope():
        asked = AuditVerification.objects.create(requested_by=str(acme.actor))
    with connection.cursor() as cursor:
        cursor.execute("SELECT verification_id FROM audit_verifications_due()")
        assert cursor.fetchone() == (asked.pk,)


def test_a_broken_chain_is_told_to_the_owners_once_and_said_above_every_page(acme, owner_connection, settings, caplog):
    settings.EMAIL_CONFIGURED = True
    with acme.scope():
        for role in (Role.AUDITOR, Role.ENGINEER):
            user = user_create(email=f"{role}@example.com", password=PASSWORD, name=role.label)
            acme.members[role] = Membership.objects.create(user=user, role=role)
    victim = tamper(acme, owner_connection)
    for _ in range(2):
        planned()
        with acme.scope():
            verification_run(verification_id=AuditVerification.objects.get(finished_at=None).pk)
            AuditVerification.objects.update(finished_at=timezone.now() - timedelta(days=2))
    assert "the audit log is not intact" in caplog.text
    with acme.scope():
        notice, letter = Notification.objects.get(path="/audit"), Delivery.objects.get(incident=None)
    assert notice.user_id == acme.owner.user_id and str(victim.pk) in notice.body
    assert letter.payload["data"]["subject"] == "The audit log is not intact"
    for role, is_told in {Role.OWNER: True, Role.AUDITOR: True, Role.ENGINEER: False}.items():
        page = portal(acme, role).get("/services").content.decode()
        assert ("The audit log is not intact." in page) is is_told
    assert "What the entry says now" in portal(acme, Role.AUDITOR).get("/assurance").content.decode()


def test_the_button_asks_a_worker_who_says_how_far_it_is(acme):
    client = portal(acme, Role.OWNER)
    assert "The record has not been verified yet." in client.get("/audit").content.decode()
    for _ in range(2):
        assert client.post("/audit/verification").status_code == 302
    with acme.scope():
        waiting = AuditVerification.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, verification_id FROM audit_verifications_due()")
        assert cursor.fetchall() == [(acme.organization.pk, waiting.pk)]
    fragment = client.get("/audit/verification").content.decode()
    assert "Verifying" in fragment and 'hx-trigger="every 1s"' in fragment
    with acme.scope():
        assert verification_run(verification_id=waiting.pk).valid
        assert verification_run(verification_id=waiting.pk) is None  # It is done, and done once.
    fragment = client.get("/audit/verification").content.decode()
    assert "The record is intact." in fragment and "hx-trigger" not in fragment


def test_who_joins_a_verification_that_waits_is_on_the_record(acme):
    seal_organization(acme.organization.pk)
    planned()
    assert portal(acme, Role.OWNER).post("/audit/verification").status_code == 302
    with acme.scope():
        assert AuditVerification.objects.count() == 1
    assert f"{acme.owner.user.name} verified the audit log" in messages_of(acme)


def test_a_day_after_which_there_is_none_is_refused(world):
    assert portal(world).get("/audit", {"until": "9999-12-31"}).status_code == 400


def test_seals_of_a_transaction_that_is_undone_are_not_published(acme, seals_file):
    with transaction.atomic():
        speaker(acme, Role.OWNER).get("/v1/audit/verify")
        transaction.set_rollback(True)
    assert not seals_file.exists()


def test_pages_lead_to_the_history_of_what_they_show(world):
    service = world.service("payments")
    owner, engineer = portal(world, Role.OWNER), portal(world, Role.ENGINEER)
    address = f"/audit?table=organizations_service&amp;object={service.public_id}"
    assert address in owner.get(f"/services/{service.public_id}").content.decode()
    assert address not in engineer.get(f"/services/{service.public_id}").content.decode()
    page = owner.get(address.replace("&amp;", "&")).content.decode()
    assert "History of payments (production)" in page
    member = world.members[Role.ENGINEER]
    assert f"object={member.pk}" in owner.get("/settings/members").content.decode()


def test_anyone_may_have_the_public_key(world):
    answer = Client().get("/v1/evidence/public-key")
    assert answer.status_code == 200
    assert answer.content.startswith(b"-----BEGIN PUBLIC KEY-----")

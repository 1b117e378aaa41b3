"""Who finds what in the inbox."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_assign import incident_assign
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_open import incident_open
from incidents.actions.incident_record_occurrence import incident_tell_again
from incidents.lifecycle import Severity, Status
from notifications import outbox
from notifications.models import Delivery, Notification
from organizations.access import Role
from organizations.actions.members import member_change
from organizations.tokens import issue_tokens
from tests.factories import World, make_world
from tests.notifications.conftest import DETECTION
from tests.notifications.receiver import Answer

WORKERS = {Role.OWNER, Role.TEAM_LEAD, Role.ENGINEER}


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def told(world: World, topic: str) -> set[Role]:
    """The roles (one member each) that have a notification of the topic."""
    roles = {membership.user_id: role for role, membership in world.members.items()}
    with world.scope():
        return {roles[user_id] for user_id in Notification.objects.filter(topic=topic).values_list("user", flat=True)}


def test_an_alarm_reaches_everyone_who_works_on_incidents(world, open_incident):
    incident = open_incident(world)
    assert told(world, "opened") == WORKERS
    with world.scope():
        incident_tell_again(incident_id=incident.pk, actor=DETECTION)
    assert told(world, "recurred") == WORKERS


def test_nobody_is_told_of_their_own_act(world):
    with world.scope(Role.ENGINEER) as scope:
        incident = incident_open(actor=scope.actor, title="Slow", severity=Severity.LOW).incident
    assert told(world, "opened") == WORKERS - {Role.ENGINEER}
    with world.scope(Role.ENGINEER) as scope:
        incident_note(incident_id=incident.pk, actor=scope.actor, body="looking")
    assert told(world, "note") == set()


def test_afterwards_those_involved_are_told(world):
    with world.scope(Role.REPORTER) as scope:
        incident = incident_open(actor=scope.actor, title="Customers call", severity=Severity.LOW).incident
    with world.scope(Role.ENGINEER) as scope:
        incident_acknowledge(incident_id=incident.pk, actor=scope.actor)
    assert told(world, "acknowledged") == {Role.REPORTER}
    with world.scope() as scope:
        incident_assign(incident_id=incident.pk, actor=scope.actor, assignee_id=world.members[Role.TEAM_LEAD].user_id)
        incident_change_status(incident_id=incident.pk, actor=scope.actor, status=Status.RESOLVED)
    assert told(world, "assigned") == told(world, "resolved") == {Role.REPORTER, Role.ENGINEER, Role.TEAM_LEAD}


def test_a_reopening_is_an_alarm_again(world, open_incident):
    incident = open_incident(world)
    with world.scope() as scope:
        incident_change_status(incident_id=incident.pk, actor=scope.actor, status=Status.RESOLVED)
        incident_change_status(
            incident_id=incident.pk, actor=scope.actor, status=Status.INVESTIGATING, reason="it is back"
        )
        assert Notification.objects.filter(topic="reopened").first().body == "it is back"
    assert told(world, "reopened") == WORKERS - {Role.OWNER}


def test_the_deactivated_are_not_told(world, open_incident):
    with world.scope():
        member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
    open_incident(world)
    assert told(world, "opened") == WORKERS - {Role.ENGINEER}


def test_a_message_that_failed_is_told_to_those_who_can_repair_its_channel(
    world, receiver, make_channel, open_incident, clock
):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(404)]
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get()
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    assert told(world, "notification_failed") == {Role.OWNER, Role.TEAM_LEAD}
    with world.scope():
        assert Delivery.objects.count() == 1
        failed = Notification.objects.filter(topic="notification_failed").first()
        assert failed.title == "INC-1 could not be told to Receiver"


def test_each_sees_and_reads_their_own(world, open_incident):
    open_incident(world)
    open_incident(world, title="Another")

    def client(role: Role) -> Client:
        return Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(role)).access}"})

    mine, theirs = client(Role.ENGINEER), client(Role.TEAM_LEAD)
    listed = mine.get("/v1/notifications").json()["results"]
    assert [each["title"] for each in listed] == ["INC-2 was opened", "INC-1 was opened"]
    assert listed[0]["incident"]["title"] == "Another" and listed[0]["read_at"] is None
    url = f"/v1/notifications/{listed[0]['id']}/read"
    assert theirs.patch(url).status_code == 404, "another's inbox, in the same organization"
    assert mine.patch(url).json()["read_at"] is not None
    assert [each["title"] for each in mine.get("/v1/notifications?unread=true").json()["results"]] == [
        "INC-1 was opened"
    ]
    assert len(mine.get("/v1/notifications?unread=false").json()["results"]) == 1
    assert mine.post("/v1/notifications/read-all").json() == {"marked": 1}
    assert mine.get("/v1/notifications?unread=true").json()["results"] == []
    assert len(theirs.get("/v1/notifications?unread=true").json()["results"]) == 2
    assert client(Role.AUDITOR).get("/v1/notifications").json()["results"] == []

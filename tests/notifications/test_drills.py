"""A canary through each way out, with receipts; and what is told when one does not come back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict
from incidents.models import Incident
from notifications.actions.contacts import account_contacts, contact_set_drills
from notifications.actions.drill_plan import drill_start
from notifications.drill_sweep import due_drills, run_drills
from notifications.models import Channel, Contact, Drill, Notification
from organizations.access import Role
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


@pytest.fixture
def channel(world, receiver, make_channel) -> Channel:
    return make_channel(world, receiver.url, drill_every_days=7).channel


def drill_now(world: World, clock: Any, channel: Channel) -> Drill:
    with world.scope():
        drill = drill_start(actor=world.actor, channel_id=channel.pk)
    return looked_after(world, clock, drill)


def looked_after(world: World, clock: Any, drill: Drill) -> Drill:
    run_drills(world.organization.pk, clock.now)
    with world.scope():
        return Drill.objects.select_related("incident").get(pk=drill.pk)


def told(world: World, role: Role) -> list[str]:
    with world.scope():
        notices = Notification.objects.filter(user=world.user(role), incident=None).order_by("pk")
        return list(notices.values_list("title", flat=True))


def test_a_channel_is_tried_each_week_by_itself(world, receiver, channel, clock):
    assert due_drills(clock.now, 100) == []
    for week in (1, 2):
        clock.advance(days=7)
        assert due_drills(clock.now, 100) == [world.organization.pk]
        run_drills(world.organization.pk, clock.now)
        run_drills(world.organization.pk, clock.now)
        with world.scope():
            assert [drill.state for drill in Drill.objects.all()] == ["passed"] * week
    assert len(receiver.received) == 2
    assert b"is a drill: nothing has happened" in receiver.received[0].body


def test_a_fault_of_ours_fails_the_drill_and_does_not_hide_it(world, channel, clock, monkeypatch):
    def break_(*_: Any) -> None:
        raise AssertionError("a fault of ours")

    monkeypatch.setattr("notifications.channels.webhook.transport.WebhookKind.send", break_)
    drill = drill_now(world, clock, channel)
    for _ in range(3):
        assert drill.state == "pending" and "AssertionError" in drill.failure
        clock.advance(minutes=15)
        drill = looked_after(world, clock, drill)
    assert drill.state == "failed" and drill.incident is not None


def test_never_is_never(world, make_channel, receiver, clock):
    make_channel(world, receiver.url, drill_every_days=0)
    clock.advance(days=400)
    assert due_drills(clock.now, 100) == []


def test_a_failed_drill_is_an_incident_until_one_is_passed(world, receiver, channel, clock):
    receiver.answers = [Answer(404), Answer(404)]
    first = drill_now(world, clock, channel)
    assert first.state == "failed" and "404" in first.failure
    assert first.incident.title == "A page through the channel “Receiver” would not arrive"
    assert drill_now(world, clock, channel).incident == first.incident, "the second joins it"
    assert told(world, Role.OWNER) == told(world, Role.TEAM_LEAD) == ["The drill of Receiver failed"], "once"
    assert told(world, Role.ENGINEER) == []
    assert drill_now(world, clock, channel).state == "passed"
    with world.scope():
        assert Incident.objects.get().status == "resolved"


def test_what_passes_by_is_tried_again(world, receiver, channel, clock):
    receiver.answers = [Answer(503), Answer(503)]
    drill = drill_now(world, clock, channel)
    assert drill.state == "pending" and not told(world, Role.OWNER)
    clock.advance(minutes=1)
    assert looked_after(world, clock, drill).state == "pending"
    clock.advance(minutes=5)
    assert looked_after(world, clock, drill).state == "passed"
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1


def test_one_at_a_time(world, receiver, channel):
    with world.scope():
        drill_start(actor=world.actor, channel_id=channel.pk)
        with pytest.raises(Conflict, match="on its way already"):
            drill_start(actor=world.actor, channel_id=channel.pk)


@pytest.fixture
def drill_of_engineer(world, mailbox, clock) -> Drill:
    user = world.user(Role.ENGINEER)
    with world.scope(Role.ENGINEER):
        contact = account_contacts([user])[user.pk]
    clock.now = timezone.now() + timedelta(days=7, minutes=1)
    run_drills(world.organization.pk, clock.now)
    with world.scope():
        return Drill.objects.get(contact=contact)


def test_a_person_says_that_it_arrived(world, mailbox, drill_of_engineer):
    assert drill_of_engineer.state == "sent"
    page = mailbox.taken[-1].get_body(("html",)).get_content()
    address = re.search(r'href="http://localhost:8000(/respond/drill/[^"]+)"', page)[1]
    browser = Client()
    assert "Did the drill arrive?" in browser.get(address).content.decode()
    with world.scope():
        assert Drill.objects.get().state == "sent", "looking does nothing"
    assert "a page would reach you" in browser.post(address).content.decode()
    with world.scope():
        assert Drill.objects.get().state == "passed"
    assert browser.post(address[:-4] + "AAAA").status_code == 404


def test_nobody_answers(world, drill_of_engineer, clock):
    clock.advance(hours=23)
    assert looked_after(world, clock, drill_of_engineer).state == "sent"
    clock.advance(hours=2)
    assert looked_after(world, clock, drill_of_engineer).state == "failed"
    expected = [f"The drill of {world.user(Role.ENGINEER)} (e-mail) failed"]
    assert told(world, Role.OWNER) == told(world, Role.ENGINEER) == expected
    with world.scope():
        assert not Incident.objects.exists()


def test_an_installation_without_mail_tries_no_mail(world, clock):
    with world.scope(Role.ENGINEER):
        account_contacts([world.user(Role.ENGINEER)])
    clock.advance(days=8)
    run_drills(world.organization.pk, clock.now)
    assert due_drills(clock.now, 100) == []
    with world.scope():
        assert not Drill.objects.exists()


def test_a_person_wants_none(world, mailbox, clock):
    user = world.user(Role.ENGINEER)
    with world.scope(Role.ENGINEER):
        contact = account_contacts([user])[user.pk]
        contact_set_drills(actor=world.actor, user=user, contact_id=contact.pk, every_days=0)
        assert Contact.objects.get(pk=contact.pk).next_drill_at is None
    clock.advance(days=400)
    assert due_drills(clock.now, 100) == []


def test_the_page_and_the_button(world, channel, receiver, clock, client):
    client.force_login(world.user(Role.OWNER))
    assert "No drills yet" in client.get("/notifications/drills").content.decode()
    client.post(f"/notifications/channels/{channel.pk}/drill")
    receiver.answers = [Answer(410)]
    run_drills(world.organization.pk, clock.now)
    assert "given up for good" in client.get("/notifications/drills").content.decode()
    assert "failed its drill" in client.get("/notifications").content.decode()
    assert "the last one: failed" in client.get(f"/notifications/channels/{channel.pk}").content.decode()

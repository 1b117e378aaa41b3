"""From the message to the acknowledgement in two taps, and why: without signing in, and without mail scanners."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from incidents.models import Incident
from notifications import outbox
from notifications.models import Contact, Delivery
from notifications.response_links import make_token, read_token
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import World, make_world
from tests.notifications.receiver import Answer
from tests.notifications.test_contacts import Api


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


@pytest.fixture
def address(world, mailbox, open_incident, clock) -> str:
    """The link in the mail to the engineer."""
    open_incident(world)
    delivery = mail_to(world, Role.ENGINEER)
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    html = mailbox.taken[-1].get_body(("html",)).get_content()
    return re.search(r'href="http://localhost:8000(/respond/[^"]+)"', html)[1]


def mail_to(world: World, role: Role) -> Delivery:
    with world.scope():
        return Delivery.objects.get(contact__user=world.user(role))


def test_the_first_message_says_what_is_known(world, mailbox, open_incident, clock):
    open_incident(world, description="Most of the first logs say:\n\n    pool exhausted\n\n" + "word " * 400)
    delivery = mail_to(world, Role.ENGINEER)
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    text = mailbox.taken[-1].get_body(("plain",)).get_content()
    assert "pool exhausted" in text
    assert text.count("word") < 150 and "word …" in text


def state(world: World) -> Any:
    with world.scope():
        return Incident.objects.select_related("acknowledged_by").get()


def test_two_taps(world, address):
    browser = Client()
    for _ in range(3):
        page = browser.get(address)
        assert page.status_code == 200 and "Payments fail" in page.content.decode()
    assert state(world).acknowledged_at is None, "looking does nothing"
    done = browser.post(address, {"do": "acknowledge"}, follow=True)
    assert "You acknowledged INC-1" in done.content.decode()
    assert state(world).acknowledged_by == world.user(Role.ENGINEER)
    browser.post(address, {"do": "resolve"})
    assert state(world).status == "resolved"
    assert "is resolved; reopen it" in browser.post(address, {"do": "acknowledge"}, follow=True).content.decode()


def test_two_taps_from_telegram(world, receiver, clock, open_incident, monkeypatch):
    """Through Apprise's own plugin, whose address of Telegram's API is the receiver's."""
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{receiver.port}/bot")
    receiver.respond = lambda _: Answer(body=b'{"ok": true, "result": {}}')
    me = Api(world, Role.ENGINEER)
    address = "tgram://123456789:abcdefghijklmnopqrstuvwxyz/12315544/"
    made = me.send("POST", "/v1/me/contacts", kind="apprise", address=address).json()
    code = re.search(r"\b\d{6}\b", json.loads(receiver.received[-1].body)["text"])[0]
    me.send("POST", f"/v1/me/contacts/{made['id']}/verify", code=code)
    steps = [{"contact": made["id"], "after_minutes": 0}]
    me.send("PUT", "/v1/me/notification-rules", high=steps, low=steps)
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get(contact=made["id"])
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    text = json.loads(receiver.received[-1].body)["text"]
    link = re.search(r"Acknowledge: http://localhost:8000(/respond/[\w.-]+)", text)[1]
    Client().post(link, {"do": "acknowledge"})
    assert state(world).acknowledged_by == world.user(Role.ENGINEER)


def test_a_link_dies_with_time_and_with_its_person(world, address):
    with world.scope():
        world.members[Role.ENGINEER].role = Role.AUDITOR
        world.members[Role.ENGINEER].save()
    assert Client().post(address, {"do": "acknowledge"}).status_code == 404
    with world.scope():
        world.members[Role.ENGINEER].role = Role.ENGINEER
        world.members[Role.ENGINEER].save()
        Delivery.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert Client().get(address).status_code == 404
    assert state(world).acknowledged_at is None


def test_a_link_dies_with_the_contact_that_holds_it(world, address):
    assert Client().get(address).status_code == 200
    with world.scope():
        Contact.objects.filter(user=world.user(Role.ENGINEER)).update(removed_at=timezone.now())
    assert Client().get(address).status_code == 404
    assert Client().post(address, {"do": "acknowledge"}).status_code == 404
    assert state(world).acknowledged_at is None


def test_only_our_own_signature_counts(world, address):
    token = address.removeprefix("/respond/")
    assert read_token(token) is not None
    forged = token.replace(token[:1], "f" if token[0] != "f" else "e", 1)
    for wrong in (forged, token[:-1], "x", "a.b.c", ""):
        assert read_token(wrong) is None
    other = make_world("Globex")
    assert (
        Client().get(f"/respond/{make_token(other.organization.pk, mail_to(world, Role.OWNER).pk)}").status_code == 404
    )


def test_the_key_before_still_opens(world, settings):
    delivery_id = world.owner.pk
    settings.SECRET_KEY, old = "n" * 40, settings.SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [old]
    settings.SECRET_KEY, new = old, settings.SECRET_KEY
    token = make_token(1, delivery_id)
    settings.SECRET_KEY = new
    assert read_token(token).delivery_id == delivery_id


# ---- Why -------------------------------------------------------------------------------------------------


def test_why_it_paged_me_and_why_not(world, mailbox, open_incident):
    open_incident(world)
    engineer, auditor = Client(), Client()
    engineer.force_login(world.user(Role.ENGINEER))
    auditor.force_login(world.user(Role.AUDITOR))
    mine = engineer.get("/incidents/INC-1/why").content.decode()
    assert "set no rules" in mine and "INC-1 was opened" in mine
    assert "Your role (auditor) is not told of alarms." in auditor.get("/incidents/INC-1/why").content.decode()
    assert "/incidents/INC-1/why" in engineer.get("/incidents/INC-1").content.decode()
    assert "/incidents/INC-1/why" in engineer.get("/inbox").content.decode()


def test_the_ledger_through_the_api(world, mailbox, open_incident):
    open_incident(world)
    api = Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(Role.ENGINEER)).access}"})
    everything = api.get("/v1/incidents/INC-1/decisions").json()["results"]
    assert [each["id"] for each in everything] == sorted(each["id"] for each in everything)
    [mine] = api.get("/v1/incidents/INC-1/decisions?about=me&stage=contact").json()["results"]
    assert mine["outcome"] == "told" and mine["subject_name"] == world.user(Role.ENGINEER).name
    assert api.get("/v1/incidents/INC-1/decisions?stage=nonsense").status_code == 400

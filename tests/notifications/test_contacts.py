"""People are reached by their own rules, and left alone once somebody has the incident."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEntry
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.timeline import append_event
from incidents.events import RespondersPaged, Urgency, responders_paged
from incidents.lifecycle import Severity
from incidents.models import Decision, EventKind, Incident
from notifications import outbox
from notifications.actions.delivery_claim import delivery_claim
from notifications.actions.delivery_finish import delivery_finish
from notifications.channels.base import Outcome, Result
from notifications.models import Contact, Delivery, Notification
from notifications.reachability import ContactsAndChannels
from organizations.access import Role
from organizations.actions.members import member_change
from organizations.tokens import issue_tokens
from tests.factories import World, make_world


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


class Api:
    def __init__(self, world: World, role: Role = Role.ENGINEER) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(role)).access}"})

    def send(self, method: str, url: str, /, **body: Any) -> Any:
        return self.client.generic(method, url, json.dumps(body), content_type="application/json")


@pytest.fixture
def me(world) -> Api:
    return Api(world)


def newest_code(mailbox: Any) -> str:
    return re.search(r"\b\d{6}\b", mailbox.taken[-1].get_content())[0]


def add_verified(api: Api, mailbox: Any, address: str = "private@example.com") -> str:
    made = api.send("POST", "/v1/me/contacts", kind="email", address=address).json()
    code = newest_code(mailbox)
    assert api.send("POST", f"/v1/me/contacts/{made['id']}/verify", code=code).json()["is_verified"] is True
    return made["id"]


def page(world: World, incident: Incident, *roles: Role, urgency: Urgency = Urgency.HIGH) -> None:
    """A step of an escalation."""
    with world.scope():
        system = Actor.system("escalation")
        event = append_event(incident=incident, kind=EventKind.ESCALATED, actor=system, data={"step": 1})
        users = tuple(world.user(role).pk for role in roles)
        responders_paged.emit(RespondersPaged(incident, event, system, users, (), urgency))


def pages(world: World, role: Role) -> list[Delivery]:
    with world.scope():
        found = Delivery.objects.filter(contact__user=world.user(role)).select_related("contact__user")
        return list(found.order_by("next_attempt_at", "pk"))


def run(world: World, clock: Any) -> None:
    with world.scope():
        ids = list(Delivery.objects.filter(state="pending").values_list("pk", flat=True))
    for delivery_id in ids:
        outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery_id, clock=clock)


# ---- Verification ----------------------------------------------------------------------------------------


def test_a_contact_is_verified_by_the_code_that_arrives(world, me, mailbox):
    made = me.send("POST", "/v1/me/contacts", kind="email", address="private@example.com", label="home").json()
    assert made["is_verified"] is False and made["code"]["outcome"] == "delivered"
    verify = f"/v1/me/contacts/{made['id']}/verify"
    code = newest_code(mailbox)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert me.send("POST", verify, code=wrong).status_code == 400
    assert me.send("POST", verify, code=code).status_code == 200
    assert me.send("POST", verify, code=wrong).status_code == 200, "twice is no error"
    listed = me.send("GET", "/v1/me/contacts").json()["results"]
    assert {(c["address"], c["is_account"]) for c in listed} == {
        (world.user(Role.ENGINEER).email, True),
        ("private@example.com", False),
    }
    with world.scope():
        record = json.dumps(list(AuditEntry.objects.values("before", "after")), default=str)
    assert "private@example.com" not in record and code not in record


def test_a_code_cannot_be_guessed_and_dies(world, me, mailbox):
    made = me.send("POST", "/v1/me/contacts", kind="email", address="private@example.com").json()
    verify, code = f"/v1/me/contacts/{made['id']}/verify", newest_code(mailbox)
    for _ in range(5):
        assert me.send("POST", verify, code="x").status_code == 400
    assert "holds no longer" in me.send("POST", verify, code=code).json()["errors"][0]["message"]
    assert me.send("POST", f"/v1/me/contacts/{made['id']}/send-code").status_code == 409, "half a minute between codes"
    with world.scope():
        Contact.objects.filter(pk=made["id"]).update(code_expires_at=timezone.now() - timedelta(seconds=1))
    assert me.send("POST", f"/v1/me/contacts/{made['id']}/send-code").status_code == 200
    assert me.send("POST", verify, code=newest_code(mailbox)).status_code == 200


def test_codes_are_not_sent_to_ever_new_strangers(world, me, mailbox):
    for number in range(10):
        made = me.send("POST", "/v1/me/contacts", kind="email", address=f"stranger-{number}@example.com")
        assert made.status_code == 201
        assert me.send("DELETE", f"/v1/me/contacts/{made.json()['id']}").status_code == 204
    refused = me.send("POST", "/v1/me/contacts", kind="email", address="one-more@example.com")
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 60
    assert len(mailbox.taken) == 10
    another = Api(world, Role.OWNER)
    assert another.send("POST", "/v1/me/contacts", kind="email", address="x@example.com").status_code == 201


def test_nobody_touches_anothers_contacts(world, me, mailbox):
    theirs = add_verified(Api(world, Role.OWNER), mailbox)
    assert me.send("DELETE", f"/v1/me/contacts/{theirs}").status_code == 404
    assert me.send("POST", f"/v1/me/contacts/{theirs}/verify", code="1").status_code == 404
    rules = {"high": [{"contact": theirs, "after_minutes": 0}], "low": []}
    assert me.send("PUT", "/v1/me/notification-rules", **rules).status_code == 400


@pytest.mark.parametrize(
    ("kind", "address", "field"),
    [
        ("email", "nonsense", "address"),
        ("sms", "+4915123456789", "kind"),
        ("apprise", "syslog://", "address"),
        ("push", "[" * 1_999, "address"),
    ],
)
def test_contacts_that_cannot_be(me, mailbox, kind, address, field):
    answer = me.send("POST", "/v1/me/contacts", kind=kind, address=address)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field


def test_a_phone_is_called_through_the_operators_provider(world, me, receiver, settings):
    settings.SMS_URL = f"ntfy://127.0.0.1:{receiver.port}/sms?tags={{to}}"
    made = me.send("POST", "/v1/me/contacts", kind="sms", address="+49 (151) 234-56789").json()
    assert made["address"] == "+4915123456789" and made["code"]["outcome"] == "delivered"
    assert re.search(rb"\d{6} is your code", receiver.received[0].body)
    assert "4915123456789" in str(receiver.received[0])


# ---- Rules -----------------------------------------------------------------------------------------------


def test_without_rules_the_account_is_told_at_once(world, mailbox, open_incident, clock):
    open_incident(world)
    [told] = pages(world, Role.ENGINEER)
    assert told.contact.is_account and not pages(world, Role.AUDITOR)
    run(world, clock)
    assert world.user(Role.ENGINEER).email in {mail["To"] for mail in mailbox.taken}
    with world.scope():
        said = Decision.objects.get(subject=f"user:{world.user(Role.ENGINEER).pk}")
    assert (said.stage, said.outcome) == ("contact", "told") and "set no rules" in said.reason


def test_where_no_mail_is_sent_the_inbox_has_it(world, open_incident):
    open_incident(world)
    with world.scope():
        assert not Delivery.objects.exists()
        assert Notification.objects.filter(user=world.user(Role.ENGINEER)).count() == 1
        said = Decision.objects.get(subject=f"user:{world.user(Role.ENGINEER).pk}")
    assert said.outcome == "not_told" and "inbox is all" in said.reason


def test_steps_wait_their_time_and_stop_when_somebody_has_it(world, me, mailbox, open_incident, clock):
    first, second = add_verified(me, mailbox, "a@example.com"), add_verified(me, mailbox, "b@example.com")
    rules = {"high": [{"contact": second, "after_minutes": 5}, {"contact": first, "after_minutes": 0}], "low": []}
    stored = me.send("PUT", "/v1/me/notification-rules", **rules).json()
    assert [step["contact"] for step in stored["high"]] == [first, second] and stored["is_default"] is False
    mailbox.taken.clear()
    incident = open_incident(world)
    now, later = pages(world, Role.ENGINEER)
    assert later.next_attempt_at - now.next_attempt_at == timedelta(minutes=5)
    run(world, clock)
    assert [mail["To"] for mail in mailbox.taken if mail["To"].endswith("@example.com")][-1] != "b@example.com"
    assert "a@example.com" in {mail["To"] for mail in mailbox.taken}
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    clock.advance(minutes=6)
    run(world, clock)
    assert "b@example.com" not in {mail["To"] for mail in mailbox.taken}
    taken_back = pages(world, Role.ENGINEER)[1]
    assert taken_back.state == "cancelled" and "acknowledged" in taken_back.failure


def test_who_has_left_is_not_paged_any_more(world, mailbox, open_incident, clock):
    open_incident(world)
    with world.scope():
        member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
    run(world, clock)
    assert world.user(Role.TEAM_LEAD).email in {mail["To"] for mail in mailbox.taken}
    assert world.user(Role.ENGINEER).email not in {mail["To"] for mail in mailbox.taken}
    [not_sent] = pages(world, Role.ENGINEER)
    assert not_sent.state == "failed" and "no active member" in not_sent.failure


def test_what_was_on_its_way_when_somebody_acknowledged_counts_where_it_arrived(world, mailbox, open_incident, clock):
    incident = open_incident(world)
    arriving, failing = pages(world, Role.ENGINEER)[0], pages(world, Role.TEAM_LEAD)[0]
    with world.scope():
        claims = [delivery_claim(delivery_id=each.pk, now=clock()) for each in (arriving, failing)]
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
        for claim, outcome in zip(claims, (Outcome.DELIVERED, Outcome.RETRY), strict=True):
            delivery_finish(claim=claim, result=Result(outcome), now=clock(), actor=world.actor)
    assert pages(world, Role.ENGINEER)[0].state == "delivered"
    assert pages(world, Role.TEAM_LEAD)[0].state == "cancelled", "and it is not tried again"


def test_quiet_hours_hold_back_all_but_what_is_critical(world, me, mailbox, open_incident):
    contact = add_verified(me, mailbox)
    local = timezone.now()
    quiet = {
        "from": f"{local - timedelta(hours=1):%H:%M}",
        "until": f"{local + timedelta(hours=2):%H:%M}",
        "time_zone": "UTC",
    }
    step = [{"contact": contact, "after_minutes": 0}]
    assert me.send("PUT", "/v1/me/notification-rules", high=step, low=[], quiet_hours=quiet).status_code == 200
    open_incident(world)
    open_incident(world, severity=Severity.CRITICAL)
    critical, held = pages(world, Role.ENGINEER)
    assert critical.payload["data"]["incident"]["severity"] == "critical"
    assert timedelta(minutes=110) < held.next_attempt_at - held.created_at <= timedelta(hours=2)


def test_a_low_urgency_goes_by_its_own_rules(world, me, mailbox, open_incident):
    contact = add_verified(me, mailbox)
    me.send("PUT", "/v1/me/notification-rules", high=[{"contact": contact, "after_minutes": 0}], low=[])
    incident = open_incident(world, severity=Severity.LOW)
    assert pages(world, Role.ENGINEER) == []
    page(world, incident, Role.ENGINEER, urgency=Urgency.HIGH)
    assert len(pages(world, Role.ENGINEER)) == 1


def test_a_page_reaches_inbox_and_contact_of_those_who_are_named(world, mailbox, open_incident, clock):
    incident = open_incident(world, severity=Severity.LOW)
    with world.scope():
        Delivery.objects.all().update(state="cancelled", finished_at=timezone.now())
    page(world, incident, Role.ENGINEER)
    run(world, clock)
    assert [mail["To"] for mail in mailbox.taken] == [world.user(Role.ENGINEER).email]
    assert "INC-1 needs you" in mailbox.taken[0]["Subject"]
    with world.scope():
        assert Notification.objects.filter(topic="paged").count() == 1


def test_who_cannot_be_reached(world, me, mailbox, open_incident):
    contact = add_verified(me, mailbox)
    engineer, lead = world.user(Role.ENGINEER).pk, world.user(Role.TEAM_LEAD).pk
    me.send("PUT", "/v1/me/notification-rules", high=[{"contact": contact, "after_minutes": 0}], low=[])
    with world.scope():
        assert ContactsAndChannels().unreachable_people([engineer, lead]) == {}
    assert me.send("DELETE", f"/v1/me/contacts/{contact}").status_code == 204
    with world.scope():
        world.members[Role.TEAM_LEAD].is_active = False
        world.members[Role.TEAM_LEAD].save()
        found = ContactsAndChannels().unreachable_people([engineer, lead])
    assert "no verified contact" in found[engineer] and "no active member" in found[lead]


# ---- The page --------------------------------------------------------------------------------------------


def test_the_page_from_adding_a_contact_to_its_rule(world, mailbox):
    browser = Client()
    browser.force_login(world.user(Role.ENGINEER))
    contacts = "/settings/notifications/contacts"
    assert browser.post(contacts, {"kind": "email", "address": "x", "label": ""}).status_code == 400
    assert browser.post(contacts, {"kind": "email", "address": "b@example.com", "label": "b"}).status_code == 302
    with world.scope():
        contact = Contact.objects.get(label="b")
    wrong = browser.post(contacts, {"do": "verify", "contact": str(contact.pk), "code": "x"})
    assert wrong.status_code == 400 and "This is not the code." in wrong.content.decode()
    browser.post(contacts, {"do": "verify", "contact": str(contact.pk), "code": newest_code(mailbox)})
    rules = {f"high_{contact.pk.hex}": "10", "quiet_from": "22:00", "quiet_until": "", "time_zone": "Europe/Berlin"}
    refused = browser.post("/settings/notifications", rules)
    assert refused.status_code == 400 and "both the beginning and the end" in refused.content.decode()
    assert browser.post("/settings/notifications", {**rules, "quiet_until": "07:00"}).status_code == 302
    shown = browser.get("/settings/notifications").content.decode()
    assert 'value="22:00"' in shown and '<option value="10" selected>' in shown
    browser.post(contacts, {"do": "test", "contact": str(contact.pk)})
    assert mailbox.taken[-1]["To"] == "b@example.com"
    browser.post(contacts, {"do": "remove", "contact": str(contact.pk)})
    assert "b@example.com" not in browser.get("/settings/notifications").content.decode()

"""Each kind of channel against a server that speaks as the real one: what is sent, and what answers mean."""

from __future__ import annotations

import json
import logging
import smtplib
import threading
import time
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from incident_center.kernel.api.problems import InvalidInput
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from notifications import outbox
from notifications.channels.apprise.transport import ALLOWED, send_apprise
from notifications.channels.base import Outcome
from notifications.channels.email.mail import send_mail
from notifications.channels.registry import KINDS
from notifications.channels.slack.app import api_address
from notifications.models import Delivery
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def run_all(world: World, clock: Any) -> list[Delivery]:
    """One look of a worker at what waits for channels; returns their deliveries in the timeline's order."""
    with world.scope():
        waiting = list(
            Delivery.objects.filter(contact=None, state="pending").order_by("sequence").values_list("pk", flat=True)
        )
    for delivery_id in waiting:
        outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery_id, clock=clock)
    with world.scope():
        return list(Delivery.objects.filter(contact=None).order_by("sequence"))


def sent(receiver: Any) -> list[Any]:
    return [json.loads(received.body) for received in receiver.received]


def resolve(world: World, incident: Any) -> None:
    with world.scope():
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)


# ---- Slack app -------------------------------------------------------------------------------------------


@pytest.fixture
def slack_channel(world, receiver, make_channel) -> None:
    address = f"http://127.0.0.1:{receiver.port}/archives/C0123"
    make_channel(world, address, kind="slack_app", credential="xoxb-token")


def slack(ok: bool = True, **members: Any) -> Answer:
    return Answer(body=json.dumps({"ok": ok, **members}).encode())


def test_a_slack_apps_message_is_kept_up_to_date_with_a_thread(world, receiver, slack_channel, open_incident, clock):
    receiver.answers = [slack(ts="171.1"), slack(ts="171.1"), slack(ts="171.2")]
    incident = open_incident(world)
    run_all(world, clock)
    resolve(world, incident)
    states = [delivery.state for delivery in run_all(world, clock)]
    assert states == ["delivered", "delivered"]
    assert [r.path for r in receiver.received] == ["/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"]
    assert {r.headers["authorization"] for r in receiver.received} == {"Bearer xoxb-token"}
    first, changed, reply = sent(receiver)
    assert first["channel"] == "C0123" and "was opened" in first["text"]
    assert changed["ts"] == "171.1" and "was resolved" in changed["text"]
    assert reply["thread_ts"] == "171.1" and reply["reply_broadcast"] is False


def test_a_slack_message_that_was_deleted_is_written_anew(world, receiver, slack_channel, open_incident, clock):
    receiver.answers = [slack(ts="1"), slack(False, error="message_not_found"), slack(ts="2")]
    incident = open_incident(world)
    run_all(world, clock)
    resolve(world, incident)
    assert run_all(world, clock)[-1].remote_id == "2"


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (slack(False, error="invalid_auth"), "failed", "invalid_auth"),
        (slack(False, error="channel_not_found"), "failed", "channel_not_found"),
        (slack(False, error="internal_error"), "pending", "internal_error"),
        (Answer(429, {"Retry-After": "30"}), "pending", "429"),
        (Answer(body=b"<html>"), "failed", "as Slack does"),
    ],
)
def test_what_slack_refuses(world, receiver, slack_channel, open_incident, clock, answer, state, words):
    receiver.answers = [answer]
    open_incident(world)
    [delivery] = run_all(world, clock)
    assert delivery.state == state and words in delivery.failure


def test_where_slacks_api_is():
    assert api_address("https://acme.slack.com/archives/C1") == "https://slack.com/api"
    assert api_address("https://acme.slack-gov.com/archives/C1") == "https://slack-gov.com/api"
    assert api_address("https://notslack.com/archives/C1") == "https://notslack.com/api"


# ---- Teams, Discord --------------------------------------------------------------------------------------


def test_teams_gets_an_adaptive_card(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="teams")
    receiver.answers = [Answer(202)]
    open_incident(world, title="[click](http://evil.example)")
    assert run_all(world, clock)[0].state == "delivered"
    [card] = sent(receiver)[0]["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = card["content"]
    assert {block["type"] for block in content["body"]} == {"RichTextBlock", "FactSet"}, "plain runs read no Markdown"
    assert content["actions"][0]["url"].endswith("/incidents/INC-1")


def test_discords_message_changes_with_the_incident_and_alarms_anew(
    world, receiver, make_channel, open_incident, clock
):
    make_channel(world, receiver.url + "?thread_id=7", kind="discord")
    receiver.answers = [Answer(body=b'{"id": "55"}'), Answer(body=b'{"id": "55"}'), Answer(body=b'{"id": "56"}')]
    incident = open_incident(world, title="@everyone look")
    run_all(world, clock)
    resolve(world, incident)
    run_all(world, clock)
    with world.scope():
        incident_change_status(
            incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING, reason="It is back."
        )
    assert run_all(world, clock)[-1].remote_id == "56"
    assert [(r.method, r.path) for r in receiver.received] == [
        ("POST", "/hook?thread_id=7&wait=true"),
        ("PATCH", "/hook/messages/55?thread_id=7"),
        ("POST", "/hook?thread_id=7&wait=true"),
    ]
    assert all(message["allowed_mentions"] == {"parse": []} for message in sent(receiver))
    assert "was resolved" in sent(receiver)[1]["content"]


# ---- E-mail ----------------------------------------------------------------------------------------------


def test_an_e_mail_reads_as_text_and_as_html(world, mailbox, make_channel, open_incident, clock):
    make_channel(world, "a@example.com, b@example.com", kind="email")
    open_incident(world, title="<script>alert(1)</script>\nBcc: x@example.com")
    [delivery] = run_all(world, clock)
    assert delivery.state == "delivered"
    [mail] = mailbox.taken
    assert mail["To"] == "a@example.com, b@example.com" and mail["Bcc"] is None
    assert mail["Message-ID"].startswith(f"<{delivery.pk}@"), "the same on every attempt"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "INC-1 was opened" in text and "/incidents/INC-1" in text
    assert "<script>" not in html and "&lt;script&gt;" in html and "viewport" in html


def test_mails_about_an_incident_belong_together(world, mailbox, make_channel, open_incident, clock):
    make_channel(world, "a@example.com", kind="email")
    incident = open_incident(world)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    run_all(world, clock)
    assert len({mail["References"] for mail in mailbox.taken}) == 1
    assert len({mail["Message-ID"] for mail in mailbox.taken}) == 2


@pytest.mark.parametrize(
    ("refusal", "state"), [("451 later", "pending"), ("550 no such user", "failed"), ("", "delivered")]
)
def test_a_mail_servers_refusals(world, mailbox, make_channel, open_incident, clock, refusal, state):
    make_channel(world, "a@example.com", kind="email")
    mailbox.refusal = refusal
    open_incident(world)
    assert run_all(world, clock)[0].state == state


def test_a_mail_server_that_is_away_is_tried_again(world, settings, make_channel, open_incident, clock, monkeypatch):
    make_channel(world, "a@example.com", kind="email")
    open_incident(world)
    settings.EMAIL_CONFIGURED = False
    [delivery] = run_all(world, clock)
    assert delivery.state == "failed" and "EMAIL_URL" in delivery.failure
    settings.EMAIL_CONFIGURED = True

    def refuse(*_: Any, **__: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr("notifications.channels.email.mail.EmailMultiAlternatives.send", refuse)
    open_incident(world, title="Another")
    assert run_all(world, clock)[-1].state == "pending"


def test_a_mail_server_that_dawdles_does_not_hold_the_worker(settings, monkeypatch):
    settings.EMAIL_CONFIGURED = True
    let_go = threading.Event()
    monkeypatch.setattr(EmailMultiAlternatives, "send", lambda _: let_go.wait(30))
    monkeypatch.setattr("notifications.channels.email.mail.LONGEST_SECONDS", 0.1)
    began = time.monotonic()
    result = send_mail(["a@example.com"], subject="x", text="x")
    let_go.set()
    assert time.monotonic() - began < 5
    assert result.outcome is Outcome.RETRY and "within" in result.error


def test_what_does_not_speak_smtp_has_no_status(settings, monkeypatch):
    def refuse(*_: Any) -> None:
        raise smtplib.SMTPConnectError(-1, b"HTTP/1.1 400 Bad Request")

    settings.EMAIL_CONFIGURED = True
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    result = send_mail(["a@example.com"], subject="x", text="x")
    assert (result.outcome, result.status_code) == (Outcome.RETRY, None), "the database keeps positive ones"


# ---- Apprise ---------------------------------------------------------------------------------------------


def test_apprise_knows_every_service_that_is_allowed():
    from apprise.manager_plugins import NotificationManager

    assert set(NotificationManager().schemas()) >= ALLOWED


def test_the_long_tail_goes_through_the_guard(world, receiver, settings, make_channel, open_incident, clock):
    make_channel(world, f"ntfy://127.0.0.1:{receiver.port}/alarms", kind="apprise")
    open_incident(world)
    assert run_all(world, clock)[0].state == "delivered"
    [received] = receiver.received
    assert b"INC-1 was opened" in received.body
    settings.EGRESS_ALLOW_PRIVATE = False
    open_incident(world, title="Another")
    refused = run_all(world, clock)[-1]
    assert refused.state == "pending" and "may not be called" in refused.failure
    assert len(receiver.received) == 1, "nothing left"


def test_what_apprise_says_tells_nothing_of_the_address_nor_of_others(receiver):
    def answer(_: Any) -> Answer:
        # Meanwhile a message of somebody else fails, on another thread.
        other = threading.Thread(target=logging.getLogger("apprise").warning, args=("somebody else's failure",))
        other.start()
        other.join()
        return Answer(500)

    receiver.respond = answer
    result = send_apprise(f"ntfy://127.0.0.1:{receiver.port}/my-secret-topic", title="x", body="x")
    assert result.outcome is Outcome.RETRY and "Failed to send ntfy notification" in result.error
    assert "my-secret-topic" not in result.error and "somebody else" not in result.error


def test_what_apprise_says_stays_out_of_the_log():
    assert not logging.getLogger("apprise").propagate


@pytest.mark.parametrize("answer", [Answer(stall=30), Answer(body=b"x" * 1000, drip=0.05)])
def test_an_address_sets_no_bound_of_its_own(receiver, monkeypatch, answer):
    monkeypatch.setattr("notifications.channels.apprise.guard.LONGEST_SECONDS", 0.5)
    receiver.answers = [answer]
    began = time.monotonic()
    result = send_apprise(f"ntfy://127.0.0.1:{receiver.port}/topic?rto=600&cto=600", title="x", body="x")
    assert time.monotonic() - began < 5
    assert result.outcome is Outcome.RETRY and "took longer" in result.error


@pytest.mark.parametrize(
    ("kind", "address", "words"),
    [
        ("apprise", "syslog://", "must be one of"),
        ("apprise", "json://example.com/", "must be one of"),
        ("apprise", "twilio://nonsense", "form"),
        ("email", "not an address", "is not an e-mail address"),
        ("email", " , ", "one to 20"),
        ("slack_app", "https://acme.slack.com/", "link to a conversation"),
        ("teams", "http://169.254.169.254/", "link-local"),
    ],
)
def test_addresses_that_cannot_be(world, make_channel, kind, address, words):
    credential = {"credential": "x"} if KINDS[kind].credential_label else {}
    with pytest.raises(InvalidInput, match=words):
        make_channel(world, address, kind=kind, **credential)


def test_a_credential_where_there_must_be_one_and_nowhere_else(world, receiver, make_channel):
    with pytest.raises(InvalidInput, match="bot token"):
        make_channel(world, receiver.url + "/archives/C0123", kind="slack_app")
    with pytest.raises(InvalidInput, match="takes none"):
        make_channel(world, receiver.url, kind="teams", credential="x")

"""Real peers that fail, stall, ask for patience and recover: everything arrives, once by id, in order per incident.

An HTTP server that takes what Slack takes, one that takes signed webhooks, and an SMTP server, each on loopback. A
stall lasts until the test ends it; whoever waits for its answer, and for no other, gives up after a third of a second.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from notifications.channels import egress
from notifications.models import Delivery, DeliveryAttempt, NotificationRules
from tests.factories import World, make_world
from tests.notifications.receiver import Answer, Received, Receiver
from tests.notifications.test_lanes import look, until_settled

INCIDENTS = 3
TOLD = ["was opened", "was acknowledged", "was resolved"]
WHOLE = {f"INC-{number}": TOLD for number in range(1, INCIDENTS + 1)}


@pytest.fixture
def world(db: None) -> World:
    world = make_world("Acme", roles=())
    with world.scope():  # Nobody is mailed beside the channel: rules without steps mean the inbox only.
        NotificationRules.objects.create(user=world.owner.user)
    return world


@pytest.fixture
def stall(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    """An answer that does not come. Whoever waits for it gives up soon, and for any other as late as ever."""

    def call_patiently(*arguments: Any, **options: Any) -> egress.Answer:
        never = bool(receiver.answers) and receiver.answers[0].held_until is not None
        return egress.call(*arguments, total_seconds=0.3 if never else None, **options)

    monkeypatch.setattr("notifications.channels.base.call", call_patiently)
    ends = threading.Event()
    yield Answer(held_until=ends)
    ends.set()


@pytest.fixture
def nights_work(world: World, open_incident: Callable[..., Any], clock: Any) -> Callable[[], None]:
    """Three incidents from their opening to their end; workers look after each change, and then until all is told."""

    def work() -> None:
        incidents = []
        for number in range(INCIDENTS):
            incidents.append(open_incident(world, title=f"Problem {number}"))
            look(world, clock)
        for incident in incidents:
            with world.scope():
                incident_acknowledge(incident_id=incident.pk, actor=world.actor)
            look(world, clock)
            with world.scope():
                incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
            look(world, clock)
        until_settled(world, clock)
        with world.scope():
            assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}

    return work


def stories(sentences: Iterable[str]) -> dict[str, list[str]]:
    """Of each incident what was told, in order. A sentence names its incident first."""
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        reference = sentence[sentence.index("INC-") :].split()[0]
        found.setdefault(reference, []).extend(words for words in TOLD if words in sentence)
    return found


def retries(world: World) -> int:
    with world.scope():
        return DeliveryAttempt.objects.filter(outcome="retry").values("delivery", "number").count()


def slack_sentences(received: Received) -> list[str]:
    """A message's own, and where it tells of others too, a line for each."""
    message = json.loads(received.body)
    own = message["text"]
    if "more messages came with it" not in own:
        return [own]
    return [own, *message["blocks"][1]["text"]["text"].splitlines()]


def mail_sentences(mail: Any) -> list[str]:
    lines = mail.get_body(("plain",)).get_content().splitlines()
    return [mail["Subject"], *(line for line in lines if line.startswith("High: INC-"))]


def test_a_slack_like_endpoint(world, receiver, make_channel, nights_work, stall):
    make_channel(world, receiver.url, kind="slack")
    receiver.answers = [Answer(500), Answer(), stall, Answer(429, {"Retry-After": "30"}), Answer(503)]
    nights_work()
    assert receiver.answers == [] and retries(world) >= 4
    taken = [received for received in receiver.received if received.was_taken]
    assert stories(line for received in taken for line in slack_sentences(received)) == WHOLE


def test_a_webhook_knows_by_its_id_what_it_was_sent_again(world, receiver, make_channel, nights_work, stall):
    """The stalled message may have been taken or not: nobody can know, so it comes again under the same id."""
    make_channel(world, receiver.url)
    receiver.answers = [Answer(), stall, Answer(429, {"Retry-After": "30"}), Answer(500)]
    nights_work()
    seen: dict[str, str] = {}
    for received in receiver.received:
        data = json.loads(received.body)["data"]
        seen.setdefault(received.headers["webhook-id"], f"{data['incident']['reference']} {data['summary']}")
    assert len(receiver.received) - len(seen) == retries(world) == 3
    with world.scope():
        assert seen.keys() == {str(pk) for pk in Delivery.objects.values_list("pk", flat=True)}
    assert stories(seen.values()) == WHOLE


def test_a_mail_server(world, mailbox, make_channel, nights_work):
    make_channel(world, "night@example.com", kind="email")
    mailbox.answers = ["451 try later", "250 OK", mailbox.STALL, "421 closing", "250 OK", "452 full"]
    nights_work()
    assert mailbox.answers == [] and retries(world) >= 4
    assert len({mail["Message-ID"] for mail in mailbox.taken}) == len(mailbox.taken)
    assert stories(line for mail in mailbox.taken for line in mail_sentences(mail)) == WHOLE

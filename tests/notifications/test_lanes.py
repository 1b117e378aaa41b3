"""Rate, rest and bursts: a channel that fails, stalls, answers 429 and recovers, and what arrives in the end."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from notifications import outbox
from notifications.actions.lanes import BREAKS_AT
from notifications.channels.slack.transport import SlackKind
from notifications.channels.webhook.transport import WebhookKind
from notifications.models import Delivery, DeliveryAttempt, Lane
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def look(world: World, clock: Any) -> None:
    """One look of a worker at all that is due."""
    with world.scope():
        due = Delivery.objects.filter(state="pending", next_attempt_at__lte=clock()).order_by("pk")
        ids = list(due.values_list("pk", flat=True))
    for delivery_id in ids:
        outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery_id, clock=clock)


def until_settled(world: World, clock: Any, *, most: int = 200) -> None:
    """Workers look whenever something is due, until nothing waits."""
    for _ in range(most):
        look(world, clock)
        with world.scope():
            waiting = Delivery.objects.filter(state="pending")
            if not waiting.exists():
                return
            later = waiting.filter(next_attempt_at__gt=clock()).order_by("next_attempt_at").first()
        if later is not None:
            clock.now = later.next_attempt_at
    raise AssertionError("something waits for ever")


def test_everything_arrives_once_by_id_and_in_order_whatever_the_other_side_does(
    world, receiver, make_channel, open_incident, clock
):
    make_channel(world, receiver.url)
    receiver.answers = [
        Answer(500), Answer(502, body=b""), Answer(429, {"Retry-After": "20"}), Answer(), Answer(503), Answer(408),
        Answer(500), Answer(500), Answer(429, {"Retry-After": "3"}), Answer(500), Answer(), Answer(500),
    ]  # fmt: skip
    incidents = [open_incident(world, title=f"Problem {number}") for number in range(8)]
    with world.scope():
        for incident in incidents:
            incident_acknowledge(incident_id=incident.pk, actor=world.actor)
            incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
    until_settled(world, clock)
    with world.scope():
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        arrived = {str(pk) for pk in Delivery.objects.values_list("pk", flat=True)}
        taken = DeliveryAttempt.objects.filter(outcome="delivered").count()
    assert taken == len(arrived) == 24
    by_id: dict[str, str] = {}
    order = defaultdict(list)
    for received in receiver.received:
        document = json.loads(received.body)
        message_id = received.headers["webhook-id"]
        if message_id not in by_id:
            order[document["data"]["incident"]["number"]].append(document["type"].removeprefix("incident."))
        by_id[message_id] = document["type"]
    assert set(by_id) == arrived
    assert all(each == ["opened", "acknowledged", "resolved"] for each in order.values())


def test_a_channel_that_fails_rests_and_one_message_goes_first(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(500)] * BREAKS_AT
    for number in range(12):
        open_incident(world, title=f"Problem {number}")
    look(world, clock)
    assert len(receiver.received) == BREAKS_AT, "the rest is spared the attempt"
    with world.scope():
        lane = Lane.objects.get()
        assert lane.rests_until - clock() == timedelta(seconds=15)
        clock.now = lane.rests_until
    receiver.answers = [Answer(500)]
    look(world, clock)
    assert len(receiver.received) == BREAKS_AT + 1
    with world.scope():
        clock.now = Lane.objects.get().rests_until
    until_settled(world, clock)
    with world.scope():
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert Lane.objects.get().failures == 0


def test_a_429_holds_back_the_whole_channel(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(429, {"Retry-After": "60"})]
    open_incident(world)
    open_incident(world, title="Another")
    look(world, clock)
    clock.advance(seconds=59)
    look(world, clock)
    assert len(receiver.received) == 1
    clock.advance(seconds=1)
    look(world, clock)
    assert len(receiver.received) == 3


def test_the_rate_of_a_channel(world, receiver, make_channel, open_incident, clock, monkeypatch):
    monkeypatch.setattr(WebhookKind, "burst", 3)
    monkeypatch.setattr(WebhookKind, "rate_per_second", 0.5)
    make_channel(world, receiver.url)
    for number in range(6):
        open_incident(world, title=f"Problem {number}")
    look(world, clock)
    assert len(receiver.received) == 3
    clock.advance(seconds=2)
    look(world, clock)
    assert len(receiver.received) == 4
    until_settled(world, clock)
    assert len(receiver.received) == 6


def test_a_burst_is_one_message_for_people(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="slack")
    incidents = [open_incident(world, title=f"Problem {number}") for number in range(12)]
    with world.scope():
        incident_acknowledge(incident_id=incidents[0].pk, actor=world.actor)
    look(world, clock)
    assert len(receiver.received) == 1
    text = receiver.received[0].body.decode()
    assert "and 12 more messages came with it" in text
    assert all(f"Problem {number}" in text for number in range(12))
    with world.scope():
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert DeliveryAttempt.objects.count() == 13


def test_a_burst_that_fails_is_tried_again_as_a_whole(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="slack")
    receiver.answers = [Answer(500)]
    for number in range(6):
        open_incident(world, title=f"Problem {number}")
    look(world, clock)
    with world.scope():
        assert set(Delivery.objects.values_list("state", "tries")) == {("pending", 1)}
    until_settled(world, clock)
    with world.scope():
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert Lane.objects.get().failures == 0


def test_few_messages_stay_messages_of_their_own(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="slack")
    for number in range(3):
        open_incident(world, title=f"Problem {number}")
    look(world, clock)
    assert len(receiver.received) == 3 <= SlackKind.burst

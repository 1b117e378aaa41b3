"""The outbox against a real receiver that fails, stalls, asks for patience and recovers. No test sleeps for time."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict
from incident_center.kernel.scope import no_scope
from incident_center.kernel.work_pool import WorkPool
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Severity, Status
from incidents.models import TimelineEvent
from notifications import outbox
from notifications.actions.channels import channel_remove, channel_rotate_secret, channel_update
from notifications.actions.delivery_claim import LEASE, delivery_claim
from notifications.actions.delivery_finish import delivery_finish
from notifications.actions.delivery_resend import delivery_resend
from notifications.backoff import delay_before_retry
from notifications.channels.base import Outcome, Result
from notifications.models import Delivery, DeliveryAttempt
from notifications.sweeps import due_deliveries, hand_over_due
from notifications.tasks import deliver
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def run(world: World, clock, delivery: Delivery | None = None) -> Delivery:
    """One look of a worker at the (only) delivery."""
    with world.scope():
        delivery = delivery or Delivery.objects.get()
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    with world.scope():
        return Delivery.objects.get(pk=delivery.pk)


def outcomes(world: World) -> list[str]:
    with world.scope():
        return list(DeliveryAttempt.objects.order_by("number").values_list("outcome", flat=True))


def timeline_kinds(world: World) -> list[str]:
    with world.scope():
        return list(TimelineEvent.objects.order_by("sequence").values_list("kind", flat=True))


def verify_as_standard_webhooks(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Written from the specification, and not from our signer."""
    key = base64.b64decode(secret[len("whsec_") :])
    content = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    expected = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return any(part.split(",", 1) == ["v1", expected] for part in headers["webhook-signature"].split(" "))


def test_an_incident_reaches_the_webhook_signed(world, receiver, make_channel, open_incident, clock):
    issued = make_channel(world, receiver.url)
    incident = open_incident(world)
    delivery = run(world, clock)
    assert delivery.state == "delivered"
    [received] = receiver.received
    assert received.headers["webhook-id"] == str(delivery.pk)
    assert verify_as_standard_webhooks(issued.secret, received.headers, received.body)
    assert not verify_as_standard_webhooks(issued.secret, received.headers, received.body + b" ")
    document = json.loads(received.body)
    assert document["type"] == "incident.opened"
    assert document["data"]["incident"]["id"] == str(incident.pk)
    assert (
        document["data"]["incident"]["url"]
        == f"http://localhost:8000{reverse('incidents:detail', args=[incident.reference])}"
    )
    assert timeline_kinds(world) == ["opened", "notification_sent"]
    with world.scope():
        told = TimelineEvent.objects.get(kind="notification_sent")
        assert told.actor == "system:notifications"
        assert told.data["channel"] == "Receiver" and receiver.url not in json.dumps(told.data)
        assert Delivery.objects.count() == 1, "what is told of a notification produces no notification"


def test_failures_are_tried_again_later_under_the_same_id(world, receiver, make_channel, open_incident, clock):
    issued = make_channel(world, receiver.url)
    receiver.answers = [Answer(500), Answer(503), Answer(200)]
    open_incident(world)
    for sent in (1, 2):
        delivery = run(world, clock)
        run(world, clock)
        assert len(receiver.received) == sent, "a look before the due time sends nothing"
        clock.now = delivery.next_attempt_at
    run(world, clock)
    assert outcomes(world) == ["retry", "retry", "delivered"]
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    assert len({received.body for received in receiver.received}) == 1
    assert all(verify_as_standard_webhooks(issued.secret, r.headers, r.body) for r in receiver.received)
    assert timeline_kinds(world) == ["opened", "notification_sent"], "only the end is told"


def test_retry_after_is_waited_for(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(429, {"Retry-After": "120"})]
    open_incident(world)
    asked_at = clock()
    delivery = run(world, clock)
    assert delivery.next_attempt_at >= asked_at + timedelta(seconds=120)
    clock.advance(seconds=119)
    run(world, clock)
    assert len(receiver.received) == 1
    clock.advance(seconds=2)
    assert run(world, clock).state == "delivered"


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "does not take"), (404, "deleted"), (410, "given up"), (301, "redirect"), (401, "credential")],
)
def test_what_repetition_cannot_help_fails_at_once(world, receiver, make_channel, open_incident, clock, status, words):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(status)]
    open_incident(world)
    delivery = run(world, clock)
    assert delivery.state == "failed" and words in delivery.failure
    assert timeline_kinds(world) == ["opened", "notification_failed"]


def test_it_gives_up_after_a_day_and_can_be_resent(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(500)] * 100
    open_incident(world)
    began = clock()
    for _ in range(100):
        delivery = run(world, clock)
        if delivery.state != "pending":
            break
        clock.now = max(clock.now, delivery.next_attempt_at)
    assert delivery.state == "failed"
    assert timedelta(hours=22) < clock() - began <= timedelta(hours=24)
    assert 20 <= len(receiver.received) <= 70
    assert "Given up" in delivery.failure
    receiver.answers = []
    with world.scope():
        delivery_resend(delivery_id=delivery.pk, actor=world.actor)
    clock.now = max(clock.now, timezone.now())
    assert run(world, clock).state == "delivered"
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    with world.scope(), pytest.raises(Conflict, match="switched off"):
        channel_remove(actor=world.actor, channel_id=delivery.channel_id)
        delivery_resend(delivery_id=delivery.pk, actor=world.actor)


def test_what_no_worker_survives_is_given_up_too(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get()
        for _ in range(2):
            assert delivery_claim(delivery_id=delivery.pk, now=clock()) is not None, "and its worker dies"
            clock.advance(seconds=LEASE.total_seconds())
    clock.advance(hours=24)
    assert run(world, clock).state == "failed"
    assert receiver.received == [] and outcomes(world) == ["lost", "lost", "failed"]
    assert timeline_kinds(world) == ["opened", "notification_failed"]


def test_an_answer_that_the_database_would_not_take_is_kept_without_its_nul(
    world, receiver, make_channel, open_incident, clock
):
    make_channel(world, receiver.url)
    receiver.answers = [Answer(500, body=b"a\0b")]
    open_incident(world)
    run(world, clock)
    with world.scope():
        assert DeliveryAttempt.objects.get().answer == "ab"
    assert Result(Outcome.RETRY, error="x\0", remote_id="\0y") == Result(Outcome.RETRY, error="x", remote_id="y")


def test_back_off_doubles_up_to_an_hour_and_is_spread():
    full = [delay_before_retry(tries, spread=0.0).total_seconds() for tries in (1, 2, 3, 11, 12, 50)]
    assert full == [2, 4, 8, 2048, 3600, 3600]
    assert delay_before_retry(1, spread=1.0).total_seconds() == 1
    assert delay_before_retry(1, retry_after_seconds=90, spread=0.5).total_seconds() == 90
    assert len({delay_before_retry(5) for _ in range(10)}) > 5


def test_messages_about_an_incident_leave_in_order(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url)
    incident = open_incident(world)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        first, second, third = Delivery.objects.order_by("sequence")
    receiver.answers = [Answer(500)]
    for later in (third, second):
        assert run(world, clock, later).attempt_count == 0, "it waits behind the first"
    assert run(world, clock, first).attempt_count == 1
    assert run(world, clock, second).attempt_count == 0, "also while the first waits for its next attempt"
    clock.advance(seconds=5)
    run(world, clock, first)
    assert [json.loads(r.body)["type"] for r in receiver.received[1:]] == [
        "incident.opened",
        "incident.acknowledged",
        "incident.resolved",
    ], "what waited leaves with it"


def test_a_dead_worker_loses_nothing(world, receiver, make_channel, open_incident, clock):
    """A worker is killed after it claimed, perhaps even after it sent: the message is sent again, with its id."""
    make_channel(world, receiver.url)
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get()
        dead = delivery_claim(delivery_id=delivery.pk, now=clock())
    assert dead is not None
    run(world, clock)
    assert not receiver.received, "the lease holds"
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert run(world, clock).state == "delivered"
    assert [r.headers["webhook-id"] for r in receiver.received] == [str(delivery.pk)]
    assert outcomes(world) == ["lost", "delivered"]


def test_a_worker_that_comes_back_too_late_records_nothing(world, receiver, make_channel, open_incident, clock):
    """Its lease ran out and another holds the delivery: what the late one says must not speak for the other."""
    make_channel(world, receiver.url)
    open_incident(world)
    failed, arrived = Result(Outcome.FAILED, error="too late"), Result(Outcome.DELIVERED, 200)
    with world.scope():
        slow = delivery_claim(delivery_id=Delivery.objects.get().pk, now=clock())
        clock.advance(seconds=LEASE.total_seconds() + 1)
        other = delivery_claim(delivery_id=slow.delivery.pk, now=clock())
        assert delivery_finish(claim=slow, result=failed, now=clock(), actor=world.actor) is False
        assert delivery_finish(claim=other, result=arrived, now=clock(), actor=world.actor) is True
        assert delivery_finish(claim=slow, result=failed, now=clock(), actor=world.actor) is False
    assert outcomes(world) == ["lost", "delivered"]
    assert timeline_kinds(world) == ["opened", "notification_sent"]


def test_two_workers_race_and_one_sends(committed_database, receiver, make_channel, open_incident, clock):
    world = make_world("Acme")
    make_channel(world, receiver.url)
    receiver.answers = [Answer(stall=0.1)] * 20
    for number in range(10):
        open_incident(world, title=f"Problem {number}")
    with world.scope():
        ids = list(Delivery.objects.values_list("pk", flat=True))
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for delivery_id in ids:
            outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery_id, clock=clock)
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(r.headers["webhook-id"] for r in receiver.received) == sorted(map(str, ids))
    with world.scope():
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        assert TimelineEvent.objects.filter(kind="notification_sent").count() == 10


def test_the_sweep_finds_what_is_due_in_all_organizations(db, receiver, make_channel, open_incident):
    acme, globex = make_world("Acme"), make_world("Globex")
    for world in (acme, globex):
        make_channel(world, receiver.url)
        open_incident(world)
    expected = set()
    for world in (acme, globex):
        with world.scope():
            Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
            expected.add((world.organization.pk, Delivery.objects.get().pk))
    with no_scope():
        assert set(due_deliveries(100)) == expected
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM notifications_delivery")
            assert cursor.fetchone() == (0,), "the function is the only way past the wall"


def test_the_sweep_sends_without_any_broker(committed_database, receiver, make_channel, open_incident):
    world = make_world("Acme")
    make_channel(world, receiver.url)
    open_incident(world)
    pool = WorkPool("deliveries", threads=2)
    hand_over_due(pool)
    pool.close()
    assert len(receiver.received) == 1
    assert due_deliveries(10) == []


def test_a_worker_that_ends_begins_no_message(world, receiver, make_channel, open_incident, monkeypatch):
    make_channel(world, receiver.url)
    open_incident(world)
    ending = threading.Event()
    monkeypatch.setattr("notifications.tasks.ending", ending)
    ending.set()
    with world.scope():
        delivery = Delivery.objects.get()
        deliver.run(delivery_id=str(delivery.pk))
        assert receiver.received == [] and Delivery.objects.get().lease_until is None, "it stays due"
        ending.clear()
        deliver.run(delivery_id=str(delivery.pk))
    assert len(receiver.received) == 1


def test_a_change_that_is_undone_tells_nobody(world, receiver, make_channel, open_incident):
    from django.db import transaction

    make_channel(world, receiver.url)
    with transaction.atomic():
        open_incident(world)
        transaction.set_rollback(True)
    with world.scope():
        assert not Delivery.objects.exists()


def test_each_event_makes_one_delivery_a_channel(world, receiver, make_channel, open_incident):
    from incidents.events import IncidentChanged, incident_changed

    make_channel(world, receiver.url)
    incident = open_incident(world)
    with world.scope():
        event = TimelineEvent.objects.get()
        incident_changed.emit(IncidentChanged(incident=incident, event=event, actor=world.actor))
        assert Delivery.objects.count() == 1


def test_channels_get_what_they_asked_for(world, receiver, make_channel, open_incident):
    shop = world.service("shop", environment="production")
    staging = world.service("shop", environment="staging")
    make_channel(world, receiver.url, name="all", minimum_severity="low")
    make_channel(world, receiver.url, name="loud", minimum_severity="critical")
    make_channel(world, receiver.url, name="shop", service_id=shop.public_id)
    make_channel(world, receiver.url, name="production", environment="production")
    make_channel(world, receiver.url, name="ends", events=["resolved"])
    make_channel(world, receiver.url, name="off", enabled=False)

    def told(incident) -> set[str]:
        with world.scope():
            return set(Delivery.objects.filter(incident=incident).values_list("channel__name", flat=True))

    assert told(open_incident(world)) == {"all"}
    assert told(open_incident(world, severity=Severity.CRITICAL)) == {"all", "loud"}
    assert told(open_incident(world, service=shop)) == {"all", "shop", "production"}
    last = open_incident(world, service=staging)
    assert told(last) == {"all"}
    with world.scope():
        incident_change_status(incident_id=last.pk, actor=world.actor, status=Status.RESOLVED)
    assert told(last) == {"all", "ends"}


def test_who_heard_of_the_beginning_hears_of_the_end(world, receiver, make_channel, open_incident):
    from incidents.actions.incident_update import incident_update

    make_channel(world, receiver.url, minimum_severity="critical")
    incident = open_incident(world, severity=Severity.CRITICAL)
    with world.scope():
        incident_update(incident_id=incident.pk, actor=world.actor, changes={"severity": Severity.LOW})
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        topics = list(Delivery.objects.order_by("sequence").values_list("topic", flat=True))
    assert topics == ["opened", "severity_changed", "resolved"]


def test_a_channel_switched_off_meanwhile_sends_nothing(world, receiver, make_channel, open_incident, clock):
    issued = make_channel(world, receiver.url)
    open_incident(world)
    with world.scope():
        channel_update(actor=world.actor, channel_id=issued.channel.pk, values={"enabled": False})
    delivery = run(world, clock)
    assert delivery.state == "failed" and "switched off" in delivery.failure
    assert not receiver.received


def test_a_rotated_secret_overlaps(world, receiver, make_channel, open_incident, clock):
    old = make_channel(world, receiver.url)
    with world.scope():
        new = channel_rotate_secret(actor=world.actor, channel_id=old.channel.pk, overlap_hours=1)
    assert new.secret != old.secret
    open_incident(world)
    run(world, clock)
    [first] = receiver.received
    assert verify_as_standard_webhooks(old.secret, first.headers, first.body)
    assert verify_as_standard_webhooks(new.secret, first.headers, first.body)
    incident = open_incident(world, title="Later")
    clock.advance(hours=2)
    with world.scope():
        later = Delivery.objects.get(incident=incident)
    run(world, clock, later)
    assert not verify_as_standard_webhooks(old.secret, receiver.received[1].headers, receiver.received[1].body)
    assert verify_as_standard_webhooks(new.secret, receiver.received[1].headers, receiver.received[1].body)


def test_the_known_vector_of_the_specification():
    """From the Standard Webhooks reference implementations."""
    from notifications.channels.webhook.signing import signature_header

    header = signature_header(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_slack_gets_blocks_and_no_mentions(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="slack")
    open_incident(world, title="<!channel> is & down")
    assert run(world, clock).state == "delivered"
    message = json.loads(receiver.received[0].body)
    assert "<!channel>" not in receiver.received[0].body.decode()
    assert "&lt;!channel&gt; is &amp; down" in message["blocks"][0]["text"]["text"]
    assert message["text"].startswith("High: INC-1 was opened")
    assert [block["type"] for block in message["blocks"]] == ["section", "context", "actions"]
    assert "webhook-signature" not in receiver.received[0].headers


def test_slacks_word_for_a_dead_webhook_fails_at_once(world, receiver, make_channel, open_incident, clock):
    make_channel(world, receiver.url, kind="slack")
    receiver.answers = [Answer(500, body=b"no_service")]
    open_incident(world)
    delivery = run(world, clock)
    assert delivery.state == "failed" and "no_service" in delivery.failure

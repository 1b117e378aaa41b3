"""What a silence holds back of messages: pages that were still to come, and whoever does not know of the incident yet.

And its end: what still fires then pages then, once, and by every way that it would have taken.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from detection.actions.receive_alerts import receive_alerts
from detection.actions.silences import silence_create, silence_end, silence_update
from detection.models import Silence, SilenceKind
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.escalation.plan import TargetKind
from incidents.lifecycle import Status
from incidents.models import Decision, Incident
from ingestion.parsers.alerts.signal import Signal, Step
from notifications.models import Delivery, Notification
from organizations.access import Role
from tests.detection.sweeping import sweep_silences
from tests.factories import World, make_world
from tests.incidents.escalation.factories import make_policy, sweep_at
from tests.notifications.test_contacts import Api, add_verified, run

HOUR = timedelta(hours=1)
MONITORING = Actor.system("monitoring")
MINUTES = (0, 5, 120)


@pytest.fixture
def world(db: None) -> World:
    return make_world("Acme", roles=(Role.OWNER, Role.ENGINEER))


def silence(world: World, **fields: Any) -> Silence:
    fields = {"reason": "Upgrade", "ends_at": datetime.now(UTC) + HOUR, "matchers": {"title": "db"}} | fields
    with world.scope():
        return silence_create(actor=world.actor, kind=SilenceKind.SILENCE, fields=fields)


def let_it_end(world: World) -> None:
    """Its time is over, and the sweep finds it so; twice, as two workers would."""
    with world.scope():
        Silence.objects.update(ends_at=datetime.now(UTC), next_change_at=datetime.now(UTC))
    sweep_silences()
    sweep_silences()


# ---- Pages that were still to come (pages_hold) ----------------------------------------------------------------------


@pytest.fixture
def steps(world: World, mailbox: Any) -> None:
    """The engineer is to be told at once, after five minutes, and after two hours."""
    me = Api(world, Role.ENGINEER)
    steps = [
        {"contact": add_verified(me, mailbox, f"after-{minutes}@example.com"), "after_minutes": minutes}
        for minutes in MINUTES
    ]
    assert me.send("PUT", "/v1/me/notification-rules", high=steps, low=[]).status_code == 200
    mailbox.taken.clear()


def to_engineer(world: World, incident: Incident) -> list[Delivery]:
    with world.scope():
        mine = Delivery.objects.filter(incident=incident, contact__user=world.user(Role.ENGINEER))
        return list(mine.order_by("created_at", "next_attempt_at"))


def test_a_mute_puts_off_what_falls_into_it_and_nothing_else(world, steps, open_incident, clock, mailbox):
    incident = open_incident(world, title="db is slow")
    first, second, third = to_engineer(world, incident)
    run(world, lambda: first.next_attempt_at)
    held = silence(world)
    sent, waiting, later = to_engineer(world, incident)
    assert sent.state == "delivered"
    assert (waiting.next_attempt_at, later.next_attempt_at) == (held.ends_at, third.next_attempt_at)
    assert waiting.give_up_at == held.ends_at + timedelta(hours=24), "a mute does not use its time up"
    run(world, lambda: second.next_attempt_at)
    assert [mail["To"] for mail in mailbox.taken if mail["To"].startswith("after-")] == ["after-0@example.com"]


def test_a_page_follows_the_silence_when_it_is_made_longer_or_shorter_and_is_never_early(world, steps, open_incident):
    incident = open_incident(world, title="db is slow")
    own = [page.next_attempt_at for page in to_engineer(world, incident)]
    held = silence(world)

    def times() -> list[datetime]:
        found = to_engineer(world, incident)
        return [page.next_attempt_at for page in found if page.topic == "opened"]

    assert times() == [held.ends_at, held.ends_at, own[2]]
    with world.scope():
        longer, shorter = held.ends_at + 2 * HOUR, held.ends_at - HOUR / 2
        for ends_at, expected in ((longer, [longer] * 3), (shorter, [shorter, shorter, own[2]])):
            silence_update(
                silence_id=held.pk, actor=world.actor, kind=SilenceKind.SILENCE, changes={"ends_at": ends_at}
            )
            assert times() == expected
        silence_end(silence_id=held.pk, actor=world.actor, kind=SilenceKind.SILENCE)
    assert times()[0] <= datetime.now(UTC) and times()[1:] == own[1:]


def test_who_acknowledges_a_muted_incident_takes_back_what_its_end_would_send(world, steps, open_incident):
    incident = open_incident(world, title="db is slow")
    silence(world)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    let_it_end(world)
    assert {page.state for page in to_engineer(world, incident)} == {"cancelled"}


# ---- Who hears how it goes on (leave_only) ---------------------------------------------------------------------------


@pytest.fixture
def channels(world: World, make_channel: Any, receiver: Any) -> dict[str, Any]:
    """One hears everything; another, and the engineer, only that somebody has it."""
    made = {
        name: make_channel(world, receiver.url, name=name, events=events).channel.pk
        for name, events in (("everything", ["opened", "acknowledged", "resolved"]), ("who has it", ["acknowledged"]))
    }
    target = {"type": TargetKind.USER.value, "id": str(world.user(Role.ENGINEER).pk)}
    route = {"name": "Who has it, to the engineer", "events": ["acknowledged"], "targets": [target]}
    assert Api(world, Role.OWNER).send("POST", "/v1/routes", **route).status_code == 201
    return made


def told(world: World, incident: Incident, channels: dict[str, Any]) -> dict[str, list[str]]:
    with world.scope():
        found = {
            name: list(
                Delivery.objects.filter(incident=incident, channel=pk)
                .order_by("created_at")
                .values_list("topic", flat=True)
            )
            for name, pk in channels.items()
        }
        mine = Notification.objects.filter(incident=incident, user=world.user(Role.ENGINEER), topic="acknowledged")
        return found | {"engineer": list(mine.values_list("topic", flat=True))}


@pytest.mark.parametrize(
    ("begins", "heard"),
    [
        ("never", [["opened", "acknowledged"], ["acknowledged"], ["acknowledged"]]),
        ("after the opening", [["opened", "acknowledged"], [], []]),
        ("before the opening", [[], [], []]),
    ],
)
def test_while_muted_only_channels_that_know_of_it_hear_more(world, channels, open_incident, begins, heard):
    if begins == "before the opening":
        silence(world)
    incident = open_incident(world, title="db is slow")
    if begins == "after the opening":
        silence(world)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    assert list(told(world, incident, channels).values()) == heard


def test_the_end_of_an_incident_reaches_those_who_know_of_it_and_no_others(world, channels, open_incident):
    known = open_incident(world, title="db one")
    silence(world)
    unknown = open_incident(world, title="db two")
    with world.scope():
        for incident in (known, unknown):
            incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
    assert told(world, known, channels)["everything"] == ["opened", "resolved"]
    assert told(world, unknown, channels)["everything"] == []


# ---- From the alert to the page at the end ---------------------------------------------------------------------------


def alert(world: World, name: str, step: Step) -> None:
    signal = Signal(source="generic", step=step, problem=name, fingerprint=name, title=f"{name} fails", labels={})
    with world.scope():
        receive_alerts(actor=MONITORING, signals=[signal])


def test_what_still_fires_when_the_silence_ends_pages_then(world, mailbox, receiver, make_channel, clock):
    make_policy(world, [(0, [world.user(Role.ENGINEER).pk])])
    make_channel(world, receiver.url, events=["opened", "resolved"])
    silence(world)
    for name in ("db1", "db2"):
        alert(world, name, Step.TRIGGER)
    alert(world, "db2", Step.RESOLVE)
    sweep_at(clock())
    run(world, clock)
    assert (mailbox.taken, receiver.received) == ([], []), "nobody hears of either"

    let_it_end(world)
    for _ in range(2):
        sweep_at(clock())
        run(world, clock)
    [mail] = mailbox.taken
    assert mail["To"] == world.user(Role.ENGINEER).email and "db1" in mail["Subject"]
    [posted] = [json.loads(received.body) for received in receiver.received]
    assert posted["type"] == "incident.opened" and "db1" in posted["data"]["incident"]["title"]
    assert posted["data"]["summary"] == "was opened while it was muted, and nobody has it"
    with world.scope():
        reasons = Decision.objects.filter(stage="silence", outcome="unmuted").select_related("incident")
        assert ["db1" in each.incident.title for each in reasons] == [True]

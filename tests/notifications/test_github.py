"""Issues that are opened, kept up to date, closed and opened again with the incident."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from incident_center.kernel.scope import Actor
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.lifecycle import Status
from incidents.models import TimelineEvent
from notifications.actions.channel_test import channel_test
from notifications.channels.github.transport import repository
from tests.factories import World, make_world
from tests.notifications.receiver import Answer
from tests.notifications.test_transports import resolve, run_all


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


@pytest.fixture
def github(receiver) -> Any:
    """What GitHub answers: issues by number, kept as they are changed."""
    issues: list[dict[str, Any]] = []
    comments: list[tuple[int, str]] = []

    def answer(received: Any) -> Answer:
        values = json.loads(received.body) if received.body else {}
        path, _, _ = received.path.partition("?")
        place = path.removeprefix("/api/v3/repos/acme/shop/issues").strip("/")
        if received.method == "GET" and not place:
            return Answer(body=json.dumps(issues[::-1]).encode())
        if received.method == "POST" and not place:
            number = len(issues) + 1
            page = f"https://github.test/acme/shop/issues/{number}"
            issues.append({**values, "number": number, "state": "open", "html_url": page})
            return Answer(201, body=json.dumps(issues[-1]).encode())
        number = int(place.partition("/")[0])
        if place.endswith("comments"):
            comments.append((number, values["body"]))
            return Answer(201, body=b'{"id": 1}')
        issues[number - 1].update(values)
        return Answer(body=json.dumps(issues[number - 1]).encode())

    receiver.respond = answer
    receiver.issues, receiver.comments = issues, comments
    return receiver


@pytest.fixture
def channel(world, github, make_channel) -> Any:
    address = f"http://127.0.0.1:{github.port}/acme/shop"
    return make_channel(world, address, kind="github", credential="ghp_1").channel


def kinds(world: World) -> list[str]:
    with world.scope():
        found = TimelineEvent.objects.filter(kind__startswith="issue_").order_by("sequence")
        return [f"{event.kind} {event.data['issue']}" for event in found]


def test_an_issue_lives_with_its_incident(world, github, channel, open_incident, clock):
    incident = open_incident(world, title="Ask @everyone about #1 | `now`")
    assert run_all(world, clock)[0].remote_id == "1"
    [issue] = github.issues
    assert issue["title"].startswith("INC-1 Ask") and issue["labels"] == ["incident", "severity: high"]
    assert github.received[0].headers["authorization"] == "Bearer ghp_1"
    resolve(world, incident)
    run_all(world, clock)
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert "was resolved" in github.comments[0][1] and "@" not in github.comments[0][1]
    with world.scope():
        incident_change_status(
            incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING, reason="Back, see @ops and #7"
        )
    run_all(world, clock)
    assert issue["state"] == "open" and len(github.issues) == 1
    assert "@\N{ZERO WIDTH SPACE}ops" in github.comments[-1][1], "nobody is called, nothing is cited"
    assert kinds(world) == ["issue_opened acme/shop#1", "issue_closed acme/shop#1", "issue_opened acme/shop#1"]


def test_an_end_is_heard_that_no_route_tells(world, github, channel, open_incident, clock):
    incident = open_incident(world)
    run_all(world, clock)
    with world.scope():
        incident_withdraw(incident_id=incident.pk, actor=world.actor, reason="A rehearsal")
    run_all(world, clock)
    assert (github.issues[0]["state"], github.issues[0]["state_reason"]) == ("closed", "not_planned")


def test_an_issue_whose_opening_nobody_recorded_is_found_again(world, github, channel, open_incident, clock):
    incident = open_incident(world)
    github.issues.append({"number": 1, "state": "open", "body": f"…<!-- incident-center {incident.pk} -->"})
    assert run_all(world, clock)[0].remote_id == "1"
    assert len(github.issues) == 1


def test_a_used_up_limit_is_waited_for(world, github, channel, open_incident, clock):
    reset = str(int(time.time()) + 600)
    github.respond = lambda _: Answer(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    open_incident(world)
    [delivery] = run_all(world, clock)
    assert delivery.state == "pending" and (delivery.next_attempt_at - clock.now).total_seconds() > 500


@pytest.mark.parametrize("answer", [Answer(403), Answer(404), Answer(401), Answer(body=b"<html>")])
def test_what_no_repetition_mends_fails_at_once(world, github, channel, open_incident, clock, answer):
    github.respond = lambda _: answer
    open_incident(world)
    assert run_all(world, clock)[0].state == "failed"


def test_a_test_leaves_a_closed_issue(world, github, channel):
    with world.scope():
        result = channel_test(actor=Actor.user(world.owner.user_id), channel_id=channel.pk)
    assert result.outcome == "delivered" and github.issues[0]["state"] == "closed"


@pytest.mark.parametrize(
    ("page", "api"),
    [
        ("https://github.com/acme/shop", "https://api.github.com/repos/acme/shop"),
        ("https://github.com/acme/shop.git", "https://api.github.com/repos/acme/shop"),
        ("https://ghe.acme.test/acme/shop/", "https://ghe.acme.test/api/v3/repos/acme/shop"),
        ("https://git.acme.test/api/v1/repos/acme/shop", "https://git.acme.test/api/v1/repos/acme/shop"),
    ],
)
def test_where_a_repositorys_api_is(page, api):
    assert repository(page).address == api

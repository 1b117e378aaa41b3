"""Acknowledged from Slack: by whom Slack has confirmed, and by nobody else."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from incidents.models import Incident
from notifications.slack_links import interaction_address
from organizations.access import Role
from tests.factories import World, make_world
from tests.notifications.receiver import Answer
from tests.notifications.test_transports import run_all, sent, slack

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


@pytest.fixture
def channel(world, receiver, make_channel) -> Any:
    address = f"http://127.0.0.1:{receiver.port}/archives/C0123"
    made = make_channel(world, address, kind="slack_app", credential="xoxb-token", signing_secret=SECRET)
    return made.channel


class Workspace:
    """What Slack says of who pressed."""

    def __init__(self, email: str) -> None:
        self.user: dict[str, Any] = {"team_id": "T1", "is_email_confirmed": True, "profile": {"email": email}}

    def __call__(self, received: Any) -> Answer:
        said = {"/api/auth.test": {"team_id": "T1"}, "/api/users.info": {"user": self.user}}
        return slack(**said.get(received.path, {"ts": "1"}))


def press(channel: Any, incident: Incident, receiver: Any, *, action: str = "acknowledge", **overrides: Any) -> Any:
    payload = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "actions": [{"action_id": action, "value": str(incident.pk)}],
        "response_url": f"http://127.0.0.1:{receiver.port}/answer",
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(overrides.get("at", time.time())))
    signed = f"v0:{timestamp}:".encode() + body
    signature = "v0=" + hmac.new(overrides.get("secret", SECRET).encode(), signed, "sha256").hexdigest()
    return Client(enforce_csrf_checks=True).post(
        urlsplit(interaction_address(channel)).path,
        body + overrides.get("added", b""),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature},
    )


def state(world: World) -> Incident:
    with world.scope():
        return Incident.objects.select_related("acknowledged_by").get()


def answers(receiver: Any) -> list[str]:
    return [json.loads(one.body)["text"] for one in receiver.received if one.path == "/answer"]


def test_the_message_has_buttons_and_they_work(world, receiver, channel, open_incident, clock):
    receiver.respond = Workspace(world.user(Role.ENGINEER).email.upper())
    incident = open_incident(world)
    run_all(world, clock)
    buttons = sent(receiver)[0]["blocks"][-1]["elements"]
    assert [button.get("action_id") for button in buttons] == ["acknowledge", "resolve", None]
    assert press(channel, incident, receiver).status_code == 200
    assert state(world).acknowledged_by == world.user(Role.ENGINEER)
    press(channel, incident, receiver, action="resolve")
    assert state(world).status == "resolved"
    assert answers(receiver) == ["You acknowledged INC-1. Nobody is paged any more.", "INC-1 is resolved."]


@pytest.mark.parametrize(
    "overrides",
    [{"secret": "another"}, {"at": time.time() - 301}, {"at": time.time() + 3_000}, {"added": b"&x=1"}],
    ids=["another secret", "too old", "not yet", "changed on the way"],
)
def test_what_slack_did_not_sign_is_refused(world, receiver, channel, open_incident, overrides):
    incident = open_incident(world)
    assert press(channel, incident, receiver, **overrides).status_code == 401
    assert state(world).acknowledged_at is None and receiver.received == []


@pytest.mark.parametrize("organization", ["f" * 40, "0", "-1", "zz"])
def test_an_address_that_names_no_organization_is_refused(channel, organization):
    assert Client().post(f"/slack/interactions/{organization}.{channel.pk.hex}").status_code == 401


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"profile": {"email": "stranger@example.com"}}, "Nobody here has the address"),
        ({"profile": {}}, "users:read.email"),
        ({"is_email_confirmed": False}, "Confirm your e-mail"),
        ({"team_id": "T2"}, "own workspace"),
        ({"is_bot": True}, "Only people"),
    ],
)
def test_whom_slack_does_not_vouch_for_does_nothing(world, receiver, channel, open_incident, change, words):
    workspace = receiver.respond = Workspace(world.user(Role.ENGINEER).email)
    workspace.user |= change
    incident = open_incident(world)
    assert press(channel, incident, receiver).status_code == 200
    assert state(world).acknowledged_at is None
    assert words in answers(receiver)[0]


def test_an_auditor_acknowledges_nothing_in_slack_either(world, receiver, channel, open_incident):
    receiver.respond = Workspace(world.user(Role.AUDITOR).email)
    incident = open_incident(world)
    press(channel, incident, receiver)
    assert state(world).acknowledged_at is None
    assert answers(receiver) == ["Your role does not work on incidents."]


def test_another_organizations_incident_is_out_of_reach(world, receiver, channel, open_incident):
    other = make_world("Globex")
    receiver.respond = Workspace(world.user(Role.ENGINEER).email)
    press(channel, open_incident(other), receiver)
    assert state(other).acknowledged_at is None

"""The example receiver believes genuine messages only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from examples.receiver import Received, Receiver

KEY = b"a secret of twenty-four b"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = json.dumps({"type": "incident.opened"}).encode()


def sign(message_id: str, timestamp: str, body: bytes, key: bytes = KEY) -> str:
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


@pytest.fixture
def told() -> list[Received]:
    return []


@pytest.fixture
def receiver(told: list[Received]) -> Iterator[Receiver]:
    receiver = Receiver(secret=SECRET, tell=told.append)
    receiver.start()
    yield receiver
    receiver.stop()


def post(receiver: Receiver, signature: str, timestamp: str, body: bytes = BODY) -> int:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}
    try:
        with urllib.request.urlopen(urllib.request.Request(receiver.url, body, headers), timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_genuine_message_is_taken_and_told(receiver: Receiver, told: list[Received]) -> None:
    now = str(int(time.time()))
    assert post(receiver, sign("msg_1", now, BODY), now) == 204
    message = receiver.wait_for("opened", 10)
    assert message is not None
    assert (message.message_id, message.genuine, message.payload) == ("msg_1", True, {"type": "incident.opened"})
    assert receiver.wait_for("resolved", 0) is None


def test_one_of_several_signatures_is_enough_while_a_secret_is_rotated(receiver: Receiver) -> None:
    now = str(int(time.time()))
    both = f"{sign('msg_1', now, BODY, b'the old one')} {sign('msg_1', now, BODY)}"
    assert post(receiver, both, now) == 204


@pytest.mark.parametrize("age", [-3600, 3600])
def test_a_message_of_another_hour_is_refused(receiver: Receiver, age: int) -> None:
    then = str(int(time.time()) - age)
    assert post(receiver, sign("msg_1", then, BODY), then) == 401


def test_a_changed_or_foreign_message_is_refused(receiver: Receiver, told: list[Received]) -> None:
    now = str(int(time.time()))
    signature = sign("msg_1", now, BODY)
    assert post(receiver, signature, now, BODY.replace(b"opened", b"closed")) == 401
    assert post(receiver, sign("msg_2", now, BODY), now) == 401
    assert post(receiver, sign("msg_1", now, BODY, b"another key"), now) == 401
    assert post(receiver, "", now) == 401
    assert post(receiver, signature, "yesterday") == 401

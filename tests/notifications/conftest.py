from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.mail import get_connection
from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.actions.incident_open import incident_open
from incidents.lifecycle import Severity
from incidents.models import Incident
from notifications.actions.channels import IssuedChannel, channel_create
from tests.factories import World
from tests.notifications.receiver import Receiver, running_receiver

DETECTION = Actor.system("detection")


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver on loopback, and an installation that may call it."""
    settings.EGRESS_ALLOW_PRIVATE = True
    with running_receiver() as receiver:
        yield receiver


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        # Ahead of the machine, so that what a slow test opens is due at once.
        self.now = timezone.now() + timedelta(seconds=60)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_wake_up_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests decide themselves when a worker looks; the broker stays out of it."""
    monkeypatch.setattr("incident_center.kernel.tasks.publisher.publish", lambda *_: None)


@pytest.fixture
def make_channel() -> Callable[..., IssuedChannel]:
    def make(world: World, url: str, kind: str = "webhook", name: str = "Receiver", **values: Any) -> IssuedChannel:
        with world.scope():
            return channel_create(actor=world.actor, kind=kind, values={"name": name, "url": url, **values})

    return make


@pytest.fixture
def open_incident() -> Callable[..., Incident]:
    def open_(
        world: World, title: str = "Payments fail", severity: Severity = Severity.HIGH, **values: Any
    ) -> Incident:
        with world.scope():
            return incident_open(actor=DETECTION, title=title, severity=severity, **values).incident

    return open_


class Mailbox:
    """An SMTP server's handler that keeps what it takes.

    ``refusal`` is answered to recipients instead; ``answers`` to messages, in order: STALL for none at all.
    """

    STALL = "stall"

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refusal = ""
        self.answers: list[str] = []

    @property
    def patience(self) -> float:
        """Seconds that whoever sends waits: few where there will be no answer, so that a test need not wait."""
        return 0.3 if self.answers[:1] == [self.STALL] else 10.0

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == self.STALL:
            await asyncio.Event().wait()  # Until whoever sends hangs up, which cancels it.
        if not answer.startswith("250"):
            return answer
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return answer


@pytest.fixture
def mailbox(settings, monkeypatch) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_CONFIGURED = True
    monkeypatch.setattr(
        "notifications.channels.email.mail.get_connection",
        lambda: get_connection(
            "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port, timeout=mailbox.patience
        ),
    )
    yield mailbox
    controller.stop()

"""``POST /v1/alerts/alertmanager`` without Django: the same action and the same answers, many requests to a commit.

It takes a plain, small body that can be read; the others go to Django's view, which packs out, refuses and keeps dead
letters. ``tests/detection/test_alertmanager.py`` holds both to one contract.
"""

from __future__ import annotations

import msgspec

from detection.actions.receive_alerts import Received
from detection.api.alert_commits import AlertCommits
from incident_center.kernel.api.problems import TooManyRequests, Unavailable
from incident_center.kernel.wsgi_bridge import Receive
from ingestion import metrics
from ingestion.api.intake import sender_of
from ingestion.api.thin_route import (
    AsgiApplication,
    Headers,
    LongWayError,
    Settling,
    ThinRoute,
    is_plain_json,
    read_body,
)
from ingestion.parsers.alerts.alertmanager import read_webhook
from ingestion.parsers.alerts.signal import UnreadableAlertError
from organizations.keys import KeyIdentity
from organizations.rates import admit_key

PATH = "/v1/alerts/alertmanager"
#: Up to here a body is decoded on the event loop: some milliseconds at most.
INLINE_BYTES = 64 * 1024
ANSWER_WITHIN_SECONDS = 30.0
_encode = msgspec.json.Encoder().encode


class AlertRoute(ThinRoute):
    """Alertmanager's notifications."""

    status = 202
    takes_gateways = True

    def __init__(self, otherwise: AsgiApplication) -> None:
        super().__init__(otherwise)
        self._commits = AlertCommits()
        self._settling = Settling[Received](ANSWER_WITHIN_SECONDS, _too_late)

    def close(self) -> None:
        """Ends the threads that commit, after what waits is stored."""
        self._commits.close()

    def takes(self, headers: Headers) -> bool:
        return int(headers.get(b"content-length", b"0")) in range(1, INLINE_BYTES + 1)

    async def answer(self, identity: KeyIdentity, headers: Headers, receive: Receive) -> bytes:
        try:
            admit_key(identity)
        except TooManyRequests:
            metrics.refused.labels(status="429").inc()
            raise
        received = await read_body(headers, receive, _hold_nothing)
        if not is_plain_json(received):
            raise LongWayError(received.content)
        try:
            signals = read_webhook(received.content)
        except UnreadableAlertError:
            raise LongWayError(received.content) from None
        if not signals:
            return _said(Received(0, ()))
        sender_of(identity).charge(len(signals))
        outcome = self._settling.future()
        try:
            self._commits.begin(identity, signals, self._settling.settled(outcome))
            return _said(await outcome)
        except Unavailable:
            outcome.cancel()  # Refused at once, nobody settles it.
            metrics.refused.labels(status="503").inc()
            raise


def _hold_nothing(size: int) -> None:
    """Bodies are small, and what waits is counted in alerts."""


def _said(received: Received) -> bytes:
    return _encode({"accepted": received.accepted, "incidents": received.incidents})


def _too_late() -> Exception:
    return Unavailable(f"The alerts were not stored within {ANSWER_WITHIN_SECONDS:g} s. Send the request again.")

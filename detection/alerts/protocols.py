"""The protocols whose bodies hold alerts, and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from django.utils import timezone

from detection.selectors import alert_mapping
from ingestion.parsers.alerts import alertmanager, generic, opsgenie, pagerduty
from ingestion.parsers.alerts.signal import Signal


class Protocol(StrEnum):
    """As dead letters name it, so that they can be read again."""

    ALERTMANAGER = "alertmanager"
    ALERTMANAGER_API = "alertmanager-api"
    GENERIC = "generic"
    PAGERDUTY = "pagerduty"
    OPSGENIE = "opsgenie"


def read_body(protocol: Protocol, body: bytes) -> Sequence[Signal]:
    """What the body says. In the organization's scope.

    Raises:
        UnreadableAlertError
    """
    return _READERS[protocol](body)


def _read_posted(body: bytes) -> Sequence[Signal]:
    return alertmanager.read_posted_alerts(body, group_by=alert_mapping().group_by, now=timezone.now())


_READERS: Mapping[Protocol, Callable[[bytes], Sequence[Signal]]] = {
    Protocol.ALERTMANAGER: alertmanager.read_webhook,
    Protocol.ALERTMANAGER_API: _read_posted,
    Protocol.GENERIC: lambda body: [generic.read_alert(body)],
    Protocol.PAGERDUTY: lambda body: [pagerduty.read_event(body)],
    Protocol.OPSGENIE: lambda body: [opsgenie.read_creation(body)],
}

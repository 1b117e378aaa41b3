"""Prometheus Alertmanager: its webhook (version 4), and the API (version 2) by which Prometheus sends to it.

Sources: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and Alertmanager's
``api/v2/openapi.yaml``. Grafana's webhook has the webhook's form with ``version: "1"``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ingestion.parsers.alerts.signal import (
    LONGEST_FINGERPRINT,
    LONGEST_TEXT,
    MOST_ALERTS,
    Signal,
    Step,
    UnreadableAlertError,
    decode,
    labels_of,
    links_of,
    moment,
    text_of,
    title_of,
)

SOURCE = "alertmanager"
VERSIONS = ("", "4", "1")
Pairs = dict[str, Any]


class _Alert(msgspec.Struct, rename="camel"):
    status: str
    labels: Pairs
    annotations: Pairs | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(name="generatorURL", default=None)
    fingerprint: str = ""


class _Webhook(msgspec.Struct, rename="camel"):
    group_key: str
    alerts: list[_Alert]
    version: str = ""
    group_labels: Pairs | None = None
    common_labels: Pairs | None = None
    common_annotations: Pairs | None = None
    external_url: str | None = msgspec.field(name="externalURL", default=None)


class _PostedAlert(msgspec.Struct, rename="camel"):
    labels: Pairs
    annotations: Pairs | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(name="generatorURL", default=None)


def read_webhook(body: bytes) -> list[Signal]:
    """One notification of one group.

    Raises:
        UnreadableAlertError
    """
    message: _Webhook = decode(body, _Webhook)
    if message.version not in VERSIONS:
        raise UnreadableAlertError("version", f"Version 4 is understood, not {message.version[:20]!r}.")
    if not message.group_key.strip():
        raise UnreadableAlertError("groupKey", "The groupKey names the incident; it may not be empty.")
    _refuse_too_many(message.alerts)
    problem = text_of(message.group_key, 10_000)
    heading = _group_title(message)
    return [_signal(alert, f"alerts[{index}]", problem, heading, message) for index, alert in enumerate(message.alerts)]


def _signal(alert: _Alert, where: str, problem: str, heading: str, message: _Webhook) -> Signal:
    if alert.status not in ("firing", "resolved"):
        raise UnreadableAlertError(f"{where}.status", "Write firing or resolved.")
    labels, annotations = labels_of(alert.labels), alert.annotations or {}
    is_over = alert.status == "resolved"
    return Signal(
        source=SOURCE,
        problem=problem,
        fingerprint=text_of(alert.fingerprint, LONGEST_FINGERPRINT) or fingerprint(labels),
        step=Step.RESOLVE if is_over else Step.TRIGGER,
        title=_title(labels, annotations),
        problem_title=heading,
        description=_description(annotations),
        labels=labels,
        details={"annotations": labels_of(annotations)} if annotations else {},
        links=links_of(
            (alert.generator_url, "Source"),
            (annotations.get("runbook_url"), "Runbook"),
            (annotations.get("dashboard_url"), "Dashboard"),
            (message.external_url, "Alertmanager"),
        ),
        starts_at=moment(alert.starts_at, f"{where}.startsAt"),
        ends_at=moment(alert.ends_at, f"{where}.endsAt") if is_over else None,
    )


def read_posted_alerts(body: bytes, *, group_by: Sequence[str], now: datetime) -> list[Signal]:
    """What Prometheus posts to ``/api/v2/alerts``: grouped by the labels in ``group_by``; over when ``endsAt`` is.

    Raises:
        UnreadableAlertError
    """
    alerts: list[_PostedAlert] = decode(body, list[_PostedAlert])
    _refuse_too_many(alerts)
    signals = []
    for index, alert in enumerate(alerts):
        if not alert.labels:
            raise UnreadableAlertError(f"[{index}].labels", "An alert is known by its labels; at least one is needed.")
        labels, annotations = labels_of(alert.labels), alert.annotations or {}
        ends_at = moment(alert.ends_at, f"[{index}].endsAt")
        is_over = ends_at is not None and ends_at <= now
        group = {name: labels[name] for name in group_by if labels.get(name)} or labels
        signals.append(
            Signal(
                source=SOURCE,
                problem=_group_key(group),
                fingerprint=fingerprint(labels),
                step=Step.RESOLVE if is_over else Step.TRIGGER,
                title=_title(labels, annotations),
                description=_description(annotations),
                labels=labels,
                details={"annotations": labels_of(annotations)} if annotations else {},
                links=links_of((alert.generator_url, "Source"), (annotations.get("runbook_url"), "Runbook")),
                starts_at=moment(alert.starts_at, f"[{index}].startsAt"),
                ends_at=ends_at if is_over else None,
                expires_at=None if is_over else ends_at,
            )
        )
    return signals


def _group_key(group: dict[str, str]) -> str:
    """Written as Alertmanager writes the keys of its groups."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(group.items()))
    return f"{{}}:{{{pairs}}}"


def fingerprint(labels: dict[str, str]) -> str:
    """16 hexadecimal digits that depend on the labels alone, as Alertmanager's own do."""
    text = "\xff".join(f"{name}\xfe{value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _refuse_too_many(alerts: Sequence[Any]) -> None:
    if len(alerts) > MOST_ALERTS:
        raise UnreadableAlertError("alerts", f"At most {MOST_ALERTS} alerts at a time.")


def _group_title(message: _Webhook) -> str:
    group, common = message.group_labels or {}, message.common_labels or {}
    annotations = message.common_annotations or {}
    if len(message.alerts) == 1:
        first = message.alerts[0]
        return _title(labels_of(first.labels), first.annotations or {})
    name = common.get("alertname") or group.get("alertname")
    rest = " ".join(text_of(value) for key, value in sorted(group.items()) if key != "alertname")
    named = f"{name}: {rest}" if name and rest else name or rest
    return title_of(annotations.get("summary"), annotations.get("title"), named, f"{len(message.alerts)} alerts")


def _title(labels: dict[str, str], annotations: Pairs) -> str:
    name = labels.get("alertname", "")
    return title_of(annotations.get("summary"), annotations.get("title"), annotations.get("message"), name, "Alert")


def _description(annotations: Pairs) -> str:
    return text_of(annotations.get("description") or annotations.get("message"), LONGEST_TEXT)

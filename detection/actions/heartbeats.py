"""Heartbeats: made and changed by people, beaten by jobs, missed by the sweep."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from detection.actions.receive_alerts import receive_messages
from detection.actions.rules import InvalidRule
from detection.alerts import heartbeats
from detection.alerts.messages import Message
from detection.models import Heartbeat, HeartbeatState
from detection.selectors import alert_mapping
from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import Actor
from incidents.lifecycle import Severity
from organizations.models import Service

LONGEST_NAME = 200
SHORTEST_PERIOD_SECONDS = 1
LONGEST_PERIOD_SECONDS = 400 * 24 * 3_600
#: A silence that goes on is said again so often: whoever resolved its incident may go on believing that it is over.
SAID_AGAIN_AFTER = timedelta(minutes=15)
ACTOR = Actor.system("heartbeats")


class HeartbeatFields(TypedDict, total=False):
    """``service`` is a service's public id, or None."""

    name: str
    service: UUID | None
    severity: str
    period_seconds: int
    grace_seconds: int
    enabled: bool


def heartbeat_create(*, actor: Actor, fields: HeartbeatFields) -> Heartbeat:
    """Makes a heartbeat with an address of its own; it is awaited from its first beat on.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    token = secrets.token_urlsafe(24)
    heartbeat = Heartbeat(token=token, token_hash=hash_token(token), period_seconds=0)
    _apply(heartbeat, fields)
    heartbeat.save(force_insert=True)
    return heartbeat


def heartbeat_update(*, heartbeat_id: UUID, actor: Actor, changes: HeartbeatFields) -> Heartbeat:
    """Changes a heartbeat. Switched off, nothing is expected of it, and what it opened is over.

    Raises:
        NotFound: no such heartbeat.
        InvalidInput: names every field that is wrong.
    """
    with transaction.atomic():
        heartbeat = _locked(heartbeat_id)
        was_missed = heartbeat.is_missed
        _apply(heartbeat, changes)
        if not heartbeat.enabled:
            heartbeat.state, heartbeat.due_at = HeartbeatState.WAITING, None
            if was_missed:
                _say(heartbeats.recovered(heartbeat), actor)
        elif heartbeat.last_beat_at is not None and not was_missed:
            heartbeat.due_at = heartbeat.late_after(heartbeat.last_beat_at)
        heartbeat.save()
    return heartbeat


def heartbeat_delete(*, heartbeat_id: UUID, actor: Actor) -> None:
    """Deletes a heartbeat: its address is dead, and what it opened is over.

    Raises:
        NotFound: no such heartbeat.
    """
    with transaction.atomic():
        heartbeat = _locked(heartbeat_id)
        if heartbeat.is_missed:
            _say(heartbeats.recovered(heartbeat), actor)
        heartbeat.delete()


def heartbeat_beat(*, heartbeat_id: UUID) -> None:
    """It lives; an incident of its silence is resolved."""
    with transaction.atomic():
        heartbeat = _locked(heartbeat_id)
        was_missed = heartbeat.is_missed
        now = timezone.now()
        heartbeat.last_beat_at = now
        heartbeat.beat_count += 1
        if heartbeat.enabled:
            heartbeat.state, heartbeat.due_at = HeartbeatState.BEATING, heartbeat.late_after(now)
        heartbeat.save(update_fields=["last_beat_at", "beat_count", "state", "due_at"])
        if was_missed:
            _say(heartbeats.recovered(heartbeat), ACTOR)


def heartbeat_fail(*, heartbeat_id: UUID, said: str = "") -> None:
    """It reports that what it stands for failed: an incident at once, and none more for its silence as long as that
    one is open.
    """
    with transaction.atomic():
        heartbeat = _locked(heartbeat_id)
        now = timezone.now()
        heartbeat.last_beat_at = now
        heartbeat.beat_count += 1
        if heartbeat.enabled:
            heartbeat.state, heartbeat.due_at = HeartbeatState.FAILED, heartbeat.late_after(now)
            _say(heartbeats.failed(heartbeat, said), ACTOR)
        heartbeat.save(update_fields=["last_beat_at", "beat_count", "state", "due_at"])


def heartbeat_miss(*, heartbeat_id: UUID) -> bool:
    """Opens the incident of a heartbeat that is late, or says that it still is. False: it beat, or changed, by now."""
    with transaction.atomic():
        heartbeat = _locked(heartbeat_id)
        now = timezone.now()
        if not heartbeat.enabled or heartbeat.due_at is None or heartbeat.due_at > now:
            return False
        since = heartbeat.last_beat_at if heartbeat.is_missed else now
        heartbeat.state, heartbeat.due_at = HeartbeatState.LATE, now + SAID_AGAIN_AFTER
        heartbeat.save(update_fields=["state", "due_at"])
        _say(heartbeats.late(heartbeat, since), ACTOR)
    return True


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _say(message: Message, actor: Actor) -> None:
    receive_messages(actor=actor, messages=[message], rule=alert_mapping())


def _locked(heartbeat_id: UUID) -> Heartbeat:
    heartbeat = Heartbeat.objects.select_for_update(no_key=True).filter(pk=heartbeat_id).first()
    if heartbeat is None:
        raise NotFound()
    return heartbeat


def _apply(heartbeat: Heartbeat, fields: HeartbeatFields) -> None:
    faults: list[tuple[str, str]] = []
    given: dict[str, Any] = dict(fields)
    heartbeat.name = " ".join(given.get("name", heartbeat.name).split())
    if not 0 < len(heartbeat.name) <= LONGEST_NAME:
        faults.append(("name", f"Name the heartbeat in 1 to {LONGEST_NAME} characters."))
    heartbeat.severity = given.get("severity", heartbeat.severity)
    if heartbeat.severity not in list(Severity):
        faults.append(("severity", f"Write one of {', '.join(Severity)}."))
    heartbeat.period_seconds = given.get("period_seconds", heartbeat.period_seconds)
    if not SHORTEST_PERIOD_SECONDS <= heartbeat.period_seconds <= LONGEST_PERIOD_SECONDS:
        faults.append(("period_seconds", f"Write {SHORTEST_PERIOD_SECONDS} to {LONGEST_PERIOD_SECONDS} seconds."))
    heartbeat.grace_seconds = given.get("grace_seconds", heartbeat.grace_seconds)
    if not 0 <= heartbeat.grace_seconds <= LONGEST_PERIOD_SECONDS:
        faults.append(("grace_seconds", f"Write 0 to {LONGEST_PERIOD_SECONDS} seconds."))
    heartbeat.enabled = given.get("enabled", heartbeat.enabled)
    if "service" in given and given["service"] != (heartbeat.service.public_id if heartbeat.service else None):
        wanted = given["service"]
        found = None if wanted is None else Service.objects.filter(public_id=wanted, retired_at=None).first()
        heartbeat.service = found
        if wanted is not None and found is None:
            faults.append(("service", "There is no such service."))
    if faults:
        raise InvalidRule(faults)

"""Silences and maintenance windows, as people make, change and end them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from detection.actions.rules import InvalidRule
from detection.actions.silence_apply import ATTEMPTS, silence_apply
from detection.models import Silence, SilenceKind
from detection.silences.matching import Matchers
from detection.silences.times import Recurrence
from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.people import responder
from incidents.lifecycle import Severity
from organizations.models import Service

LONGEST_REASON = 300
LONGEST = timedelta(days=30)
LONGEST_RECURRING = timedelta(days=366)
MOST_VALUES = 100
LONGEST_VALUE = 255
Faults = list[tuple[str, str]]


class SilenceFields(TypedDict, total=False):
    """``matchers`` as ``Matchers.as_data``, ``recurrence`` as ``Recurrence.as_data`` or None; ``owner`` a user's id."""

    reason: str
    owner: UUID
    matchers: Mapping[str, Any]
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    recurrence: Mapping[str, Any] | None


def silence_create(*, actor: Actor, kind: SilenceKind, fields: SilenceFields) -> Silence:
    """Makes a silence, and mutes at once what it fits if it is in force.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    assert actor.user_id is not None, "people make silences"
    now = timezone.now()
    silence = Silence(kind=kind, starts_at=now, ends_at=now, reason="", owner_id=actor.user_id, time_zone="UTC")
    with transaction.atomic():
        apply_fields(silence, fields, now)
        silence.next_change_at = now
        silence.save(force_insert=True)
    silence_apply(silence_id=silence.pk, actor=actor, attempts=ATTEMPTS)
    return silence


def silence_update(*, silence_id: UUID, actor: Actor, kind: SilenceKind, changes: SilenceFields) -> Silence:
    """Changes a silence that is not over; incidents follow at once.

    Raises:
        NotFound: no such silence of this kind.
        InvalidInput: names every field that is wrong.
        Conflict: it is over.
    """
    now = timezone.now()
    with transaction.atomic():
        silence = _locked(silence_id, kind)
        _refuse_over(silence, now)
        apply_fields(silence, changes, now)
        silence.next_change_at = now
        silence.save()
    silence_apply(silence_id=silence.pk, actor=actor, attempts=ATTEMPTS)
    return silence


def silence_end(*, silence_id: UUID, actor: Actor, kind: SilenceKind) -> Silence:
    """Ends a silence now, for good; who it held back is paged now.

    Raises:
        NotFound: no such silence of this kind.
        Conflict: it is over already.
    """
    now = timezone.now()
    with transaction.atomic():
        silence = _locked(silence_id, kind)
        _refuse_over(silence, now)
        silence.ended_at = silence.next_change_at = now
        silence.save()
    silence_apply(silence_id=silence.pk, actor=actor, attempts=ATTEMPTS)
    return silence


def silence_remove(*, silence_id: UUID, actor: Actor, kind: SilenceKind) -> None:
    """Ends a silence, where it is not over, and takes it from every list. What it muted stays on record.

    Raises:
        NotFound: no such silence of this kind.
    """
    with transaction.atomic():
        silence = _locked(silence_id, kind)
        silence.removed_at = silence.next_change_at = timezone.now()
        silence.save()
    silence_apply(silence_id=silence.pk, actor=actor, attempts=ATTEMPTS)


def apply_fields(silence: Silence, fields: SilenceFields, now: datetime) -> None:
    """Writes the fields into the row, which is not saved.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    faults: Faults = []
    silence.reason = " ".join(fields.get("reason", silence.reason).split())
    if not 0 < len(silence.reason) <= LONGEST_REASON:
        faults.append(("reason", f"Say why in 1 to {LONGEST_REASON} characters."))
    if "owner" in fields and fields["owner"] != silence.owner_id:
        try:
            silence.owner = responder(fields["owner"], field="owner")
        except InvalidInput as problem:
            faults.append(("owner", problem.detail))
    if "matchers" in fields:
        silence.matchers = checked_matchers(fields["matchers"], faults).as_data()
    matchers = silence.matching
    if matchers.is_empty:
        faults.append(("matchers", "Say what it fits; what fits everything would hide the next outage."))
    wide = Matchers(services=matchers.services, environments=matchers.environments)
    if silence.kind == SilenceKind.MAINTENANCE and matchers != wide:
        faults.append(("matchers", "A maintenance window has services and environments only; this is a silence."))
    _apply_times(silence, fields, now, faults)
    if faults:
        raise InvalidRule(faults)


def _apply_times(silence: Silence, fields: SilenceFields, now: datetime, faults: Faults) -> None:
    silence.starts_at = fields.get("starts_at", silence.starts_at)
    silence.time_zone = fields.get("time_zone", silence.time_zone)
    try:
        ZoneInfo(silence.time_zone)
    except (KeyError, ValueError, OSError):
        faults.append(("time_zone", "There is no such time zone; write one such as Europe/Berlin."))
    if "recurrence" in fields:
        silence.recurrence = checked_recurrence(fields["recurrence"], faults)
    if "ends_at" in fields:
        silence.ends_at = fields["ends_at"]
    if silence.ends_at <= max(silence.starts_at, now):
        faults.append(("ends_at", "It has to end after it starts, and after now."))
    elif silence.ends_at - silence.starts_at > (LONGEST_RECURRING if silence.recurrence else LONGEST):
        days = (LONGEST_RECURRING if silence.recurrence else LONGEST).days
        faults.append(("ends_at", f"At most {days} days; make it again when it is still needed then."))


def checked_recurrence(data: Mapping[str, Any] | None, faults: Faults) -> dict[str, Any] | None:
    """The recurrence as it is stored; what is wrong with it is added to the faults."""
    if not data:
        return None
    try:
        return Recurrence.from_data(dict(data)).as_data()
    except ValueError as error:
        faults.append(("recurrence", str(error)))
        return None


def checked_matchers(data: Mapping[str, Any], faults: Faults) -> Matchers:
    """The matchers in their stored form; what is wrong with them is added to the faults."""
    texts = {name: _texts(data.get(name, ())) for name in ("environments", "severities", "labels")}
    labels = {str(k).strip(): str(v).strip() for k, v in dict(data.get("alert_labels", {})).items()}
    title, key = " ".join(str(data.get("title", "")).split()), str(data.get("dedup_key", "")).strip()
    services = tuple(dict.fromkeys(UUID(str(each)) for each in data.get("services", ())))
    known = Service.objects.filter(public_id__in=services).count() if services else 0
    if known != len(services):
        faults.append(("matchers.services", "There is no such service."))
    if unknown := [each for each in texts["severities"] if each not in list(Severity)]:
        faults.append(("matchers.severities", f"“{unknown[0]}” is none of {', '.join(Severity)}."))
    if any(not name or not value for name, value in labels.items()):
        faults.append(("matchers.alert_labels", "Each label has a name and a value."))
    if key == "*":
        faults.append(("matchers.dedup_key", "A star alone fits everything; write the key's beginning before it."))
    everything = [*texts["environments"], *texts["labels"], *labels, *labels.values(), title, key]
    counts = [len(services), len(labels), *map(len, texts.values())]
    if max(map(len, everything), default=0) > LONGEST_VALUE or max(counts) > MOST_VALUES:
        faults.append(("matchers", f"At most {MOST_VALUES} of each, of at most {LONGEST_VALUE} characters."))
    return Matchers(services=services, alert_labels=labels, title=title, dedup_key=key, **texts)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := str(value).strip())))


def _locked(silence_id: UUID, kind: SilenceKind) -> Silence:
    rows = Silence.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
    silence = rows.filter(pk=silence_id, kind=kind, removed_at=None).first()
    if silence is None:
        raise NotFound()
    return silence


def _refuse_over(silence: Silence, now: datetime) -> None:
    if silence.is_over(now):
        raise Conflict(f"“{silence.reason}” is over; make a new one.")

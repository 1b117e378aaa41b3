"""What follows from silences for one incident: muted, muted longer or shorter, and heard again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from detection.models import Mute, Silence
from detection.silences.facts import facts_of, firing_labels
from incident_center.kernel.scope import Actor, require_organization_id
from incidents.actions.locking import locked
from incidents.actions.timeline import append_event
from incidents.ledger import Ruling, record
from incidents.lifecycle import Status
from incidents.models import EventKind, Incident, Stage, TimelineEvent

SILENCES = Actor.system("silences")
#: With the organization, the advisory lock between those who read the silences and those who change them.
LOCK_CLASS = 7_301_965


def incident_follow_silences(*, incident_id: UUID, actor: Actor) -> None:
    """Mutes the incident, or ends its mute, as the silences say now.

    Raises:
        NotFound: no such incident.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        follow_silences(incident, actor=actor, at=timezone.now(), since=incident.event_count + 1)


def follow_silences(incident: Incident, *, actor: Actor, at: datetime, since: int, explains: bool = False) -> None:
    """As ``incident_follow_silences``, of an incident that is locked already.

    An acknowledged incident is not muted, since nobody is paged for it; one that is muted stays so.

    Args:
        since: the number of the first event of the timeline that the mute holds back.
        explains: also writes into the ledger which silences in force do not fit, and why.
    """
    _keep_silences_still()
    silences = list(Silence.objects.filter(removed_at=None, ended_at=None, ends_at__gt=at).select_related("owner"))
    if not silences and incident.muted_until is None:
        return
    fitting = _fitting(incident, silences, at, explains=explains)
    in_force = [silence for silence in fitting if silence.interval_at(at) is not None]
    if incident.muted_until is None and (not incident.is_live or incident.acknowledged_at is not None):
        return
    until = _horizon(fitting, at) if in_force and incident.is_live else None
    _keep_mutes(incident, in_force if until else [], at)
    if until is not None:
        if until != incident.muted_until:
            _mute(incident, in_force, until, actor, at, since)
    elif incident.muted_until is not None:
        _unmute(incident, actor, at)


def _keep_silences_still() -> None:
    """Until this transaction ends no change of a silence is carried out: see ``silence_apply``."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [LOCK_CLASS, require_organization_id()])


def _fitting(incident: Incident, silences: list[Silence], at: datetime, *, explains: bool) -> list[Silence]:
    matchers = {silence.pk: silence.matching for silence in silences}
    asks_for_alerts = any(each.alert_labels for each in matchers.values())
    facts = facts_of(incident, firing_labels([incident])[incident.pk] if asks_for_alerts else ())
    found, rulings = [], []
    for silence in silences:
        mismatch = matchers[silence.pk].mismatch(facts)
        if not mismatch:
            found.append(silence)
        elif explains and silence.interval_at(at) is not None:
            rulings.append(_ruling(silence, "not_matched", f"“{silence.reason}” does not fit: {mismatch}."))
    record(rulings, incident=incident)
    return found


def _horizon(fitting: Iterable[Silence], at: datetime) -> datetime | None:
    """Until when one or the other of them is in force without a pause."""
    until = at
    moved = True
    while moved:
        moved = False
        for silence in fitting:
            interval = silence.interval_at(until)
            if interval is not None and interval[1] > until:
                until, moved = interval[1], True
    return until if until > at else None


def _keep_mutes(incident: Incident, in_force: list[Silence], at: datetime) -> None:
    """One running row for each silence that mutes the incident; the lock of the incident guards them."""
    running = {mute.silence_id: mute for mute in Mute.objects.filter(incident=incident, ended_at=None)}
    wanted = {silence.pk for silence in in_force}
    over = [mute.pk for silence_id, mute in running.items() if silence_id not in wanted]
    if over:
        Mute.objects.filter(pk__in=over).update(ended_at=at)
    for silence in in_force:
        if silence.pk not in running:
            Mute.objects.create(silence=silence, incident=incident, began_at=at)


def _mute(incident: Incident, silences: list[Silence], until: datetime, actor: Actor, at: datetime, since: int) -> None:
    was = incident.muted_until
    incident.muted_until = until
    data: dict[str, Any] = {
        "until": until.isoformat(),
        "was_until": was.isoformat() if was else None,
        "since": since,
        "by": [
            {"id": str(each.pk), "kind": each.kind, "reason": each.reason, "owner": str(each.owner)}
            for each in silences
        ],
    }
    append_event(incident=incident, kind=EventKind.MUTED, actor=actor, data=data, at=at)
    record([_muted_by(each, until) for each in silences], incident=incident)


def _muted_by(silence: Silence, until: datetime) -> Ruling:
    what = silence.get_kind_display().lower()
    reason = f"It fits the {what} “{silence.reason}” of {silence.owner}: nobody is paged until {until:%d %b %H:%M} UTC."
    return _ruling(silence, "muted", reason, until=until.isoformat())


def _unmute(incident: Incident, actor: Actor, at: datetime) -> None:
    was = incident.muted_until
    assert was is not None
    incident.muted_until = None
    if not incident.is_live:
        incident.save()
        return
    data = {"was_until": was.isoformat(), **_held_back(incident)}
    append_event(incident=incident, kind=EventKind.UNMUTED, actor=actor, data=data, at=at)
    told = "what was held back is told now" if data["held"] else "somebody has the incident, so nobody is paged"
    record([Ruling(Stage.SILENCE, "unmuted", f"No silence is in force for it any more: {told}.")], incident=incident)


def _held_back(incident: Incident) -> dict[str, Any]:
    """What nobody was told of since the mute began, as ``held``: at its end people are told of that.

    Somebody who has the incident needs to hear of a breach only. What nobody has is told again in any case: it went on
    while nobody was to be reminded of it.
    """
    events = TimelineEvent.objects.filter(incident=incident)
    ended = events.filter(kind=EventKind.UNMUTED).order_by("-sequence").values_list("sequence", flat=True).first() or 0
    muted = events.filter(kind=EventKind.MUTED, sequence__gt=ended).order_by("sequence").first()
    held = list(events.filter(sequence__gte=muted.data["since"])) if muted else []
    breaches = [event for event in held if event.kind == EventKind.SLA_BREACHED]
    if incident.acknowledged_at is not None:
        return {"held": "sla_breached", "label": breaches[-1].data["label"]} if breaches else {"held": None}
    if any(event.kind == EventKind.OPENED for event in held):
        return {"held": "opened"}
    reopened = (e for e in held if e.kind == EventKind.STATUS_CHANGED and e.data.get("from") == Status.RESOLVED)
    return {"held": "reopened" if any(reopened) else "recurred"}


def _ruling(silence: Silence, outcome: str, reason: str, **data: Any) -> Ruling:
    subject = f"silence:{silence.pk}"
    return Ruling(Stage.SILENCE, outcome, reason, subject=subject, subject_name=silence.reason, data=data)

"""Receiving alerts: each finds its incident, opens one, or ends it. Alert, incident and reasons are one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from detection import metrics
from detection.actions.silence_follow import incident_follow_silences
from detection.alerts import mapping, wording
from detection.alerts.case import STORM_KEY, Case, Home
from detection.alerts.messages import Message, problem_key
from detection.alerts.records import locked_groups, open_cases, save_cases
from detection.alerts.repetitions import UNTOUCHED, count_repetitions
from detection.alerts.services import NamedServices, public_id_of
from detection.models import Alert, AlertGroup, AlertMapping, AlertStatus
from detection.selectors import alert_mapping
from detection.silences.facts import alerts_at_hand
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_link_alerts import link_alerts, note_resolved_alerts
from incidents.actions.incident_open import DetectedProblem, incident_open
from incidents.actions.incident_record_occurrence import incident_tell_again
from incidents.actions.incident_update import Changes, incident_update
from incidents.actions.locking import locked
from incidents.ledger import record_each
from incidents.lifecycle import DEFAULT_PRIORITY, SEVERITY_ORDER, Severity, Source, Status
from incidents.models import Incident
from incidents.selectors import family, live_carriers
from ingestion.parsers.alerts.signal import Signal, Step
from organizations.models import Service

#: Over which new problems are counted.
STORM_WINDOW = timedelta(minutes=1)
#: From this firing on an alert comes and goes; who knows of it is not asked again.
FLAPPING = 3


@dataclass(frozen=True)
class Received:
    """``incidents``: those that the alerts belong to, without repetition, in the order of the alerts."""

    accepted: int
    incidents: tuple[UUID, ...]


def receive_alerts(*, actor: Actor, signals: Sequence[Signal], service_id: int | None = None) -> Received:
    """Stores the alerts, and opens, joins, reopens, acknowledges or resolves their incidents. Returning means durable.

    Args:
        service_id: for which the sender's key speaks; without one the mapping names it.
    """
    [received] = receive_batches(actor=actor, batches=[signals], service_id=service_id)
    return received


def receive_batches(
    *, actor: Actor, batches: Sequence[Sequence[Signal]], service_id: int | None = None
) -> list[Received]:
    """As ``receive_alerts``, of several requests in their order, with one commit."""
    now = timezone.now()
    with transaction.atomic():
        speaks_for = None if service_id is None else public_id_of(service_id)
        heard = [[Message(signal, problem_key(signal, speaks_for)) for signal in signals] for signals in batches]
        messages = [message for batch in heard for message in batch]
        groups = locked_groups(messages, now, service_id=service_id)
        repeated = count_repetitions(groups, messages, now)
        homes = {key: groups[key].incident_id for key in repeated}
        others = [message for message in messages if message.key not in repeated]
        if others:
            rule = alert_mapping()
            homes |= _decide(groups, _read(others, rule, service_id, actor), rule, actor, now)
    metrics.alerts_received.inc(len(messages))
    return [_received(batch, homes) for batch in heard]


def receive_messages(*, actor: Actor, messages: Sequence[Message], rule: AlertMapping) -> None:
    """As ``receive_alerts``, of signals whose reading is known."""
    now = timezone.now()
    with transaction.atomic():
        _decide(locked_groups(messages, now), messages, rule, actor, now)
    metrics.alerts_received.inc(len(messages))


def _received(messages: Sequence[Message], homes: Mapping[str, UUID | None]) -> Received:
    found = (homes[message.key] for message in messages)
    return Received(len(messages), tuple(dict.fromkeys(home for home in found if home is not None)))


def _read(messages: Sequence[Message], rule: AlertMapping, service_id: int | None, actor: Actor) -> list[Message]:
    """What fires read by the mapping, everything with the service that it speaks of."""
    named = NamedServices(rule, actor)
    own = None if service_id is None else Service.objects.get(pk=service_id)
    read = []
    for message in messages:
        if message.signal.step is not Step.TRIGGER:
            read.append(replace(message, service=own))
            continue
        reading = mapping.read(message.signal, rule)
        if own is None:
            service, remark = named.service(reading)
            reason = f"{reading.reason} {remark}".strip()
        else:
            service, reason = own, f"{reading.reason} The key belongs to {own}."
        read.append(replace(message, reading=reading, service=service, reason=reason))
    return read


def _decide(
    groups: Mapping[str, AlertGroup], messages: Sequence[Message], rule: AlertMapping, actor: Actor, now: datetime
) -> dict[str, UUID | None]:
    """Carries the messages out; the incidents of their groups, by key."""
    cases = open_cases(groups, messages, rule, now)
    for message in messages:
        cases[message.key].hear(message)
    _find_homes(cases.values(), rule, actor, now)
    save_cases(cases.values())
    for incident_id, members in _by_incident(cases.values()).items():
        _carry_on(incident_id, members, actor, now)
        _end(incident_id, members, actor)
    record_each((ruling, case.incident) for case in cases.values() for ruling in case.rulings)
    return {key: case.incident.pk if case.incident is not None else None for key, case in cases.items()}


# ---- A home for what fires -----------------------------------------------------------------------------------------


def _find_homes(cases: Iterable[Case], rule: AlertMapping, actor: Actor, now: datetime) -> None:
    """Incidents that are there first, then a storm's, then new ones: the order in which locks are taken."""
    firing = [case for case in cases if case.fires]
    fresh = []
    reopened: dict[UUID, Incident] = {}
    for case in firing:
        if case.home is Home.FRESH:
            fresh.append(case)
            continue
        assert case.incident is not None
        if case.home is Home.REJOIN and case.incident.pk not in reopened:
            reopened[case.incident.pk] = _reopen(case, case.incident, actor)
        else:  # Several groups share an incident that others were merged into: the first has reopened it.
            case.rulings.append(wording.joined(case.group, case.incident))
        case.incident = reopened.get(case.incident.pk, case.incident)
    if fresh:
        _find_fresh_homes(fresh, rule, actor, now)
    for case in firing:
        for alert in case.fired:
            alert.incident_id = case.group.incident_id


def _find_fresh_homes(fresh: Sequence[Case], rule: AlertMapping, actor: Actor, now: datetime) -> None:
    began = AlertGroup.objects.filter(opened_at__gt=now - STORM_WINDOW)
    recent = began.order_by()[: rule.storm_problems].count()
    own = fresh[: max(rule.storm_problems - recent, 0)]
    _absorb(fresh[len(own) :], rule, actor)
    for case in own:
        _open(case, actor)
    for case in fresh:
        case.group.opened_at = now


def _reopen(case: Case, incident: Incident, actor: Actor) -> Incident:
    flaps = max(alert.firing_count for alert in (*case.fired, *case.again)) >= FLAPPING
    title = (case.again or case.fired)[0].title
    case.rulings.append(wording.reopened(incident, case.rule.rejoin_minutes))
    return incident_change_status(
        incident_id=incident.pk,
        actor=actor,
        status=Status.INVESTIGATING,
        reason=f"The alert “{title}” fires again.",
        keeps_acknowledgement=flaps,
    )


def _open(case: Case, actor: Actor) -> None:
    message, group = case.opener, case.group
    assert message is not None
    signal = message.signal
    with alerts_at_hand(case.fired):
        opened = incident_open(
            actor=actor,
            title=signal.problem_title or case.fired[0].title,
            description=wording.description_of(message),
            severity=case.severity,
            service=message.service,
            problem=DetectedProblem(
                dedup_key=group.key,
                source=Source.ALERT,
                source_id=group.pk,
                first_occurrence_at=_beginning(case),
                last_occurrence_at=case.now,
                evidence={"alerts_from": signal.source, "alerts": len(case.fired), "group": group.problem[:300]},
            ),
        )
    case.incident = group.incident = opened.incident
    case.has_opened = opened.is_new
    case.rulings.append(wording.opened(group) if opened.is_new else wording.joined(group, opened.incident))


def _beginning(case: Case) -> datetime:
    """When the first alert began to fire, by its sender's clock, which may be ahead of ours."""
    return min([case.now, *(alert.starts_at for alert in case.fired if alert.starts_at is not None)])


def _absorb(cases: Sequence[Case], rule: AlertMapping, actor: Actor) -> None:
    """One incident takes them all; its people are told once."""
    if not cases:
        return
    limit = rule.storm_problems
    under_way = live_carriers(STORM_KEY).select_for_update(no_key=True).first()
    storm = under_way or _open_storm(cases, limit, actor)
    for case in cases:
        case.incident = case.group.incident = storm
        case.occurrences += under_way is not None or case is not cases[0]
        case.rulings.append(wording.absorbed(case.group, limit))


def _open_storm(cases: Sequence[Case], limit: int, actor: Actor) -> Incident:
    """Counts the first of its problems."""
    first = cases[0]
    assert first.opener is not None
    worst = max((case.severity for case in cases), key=SEVERITY_ORDER.index)
    with alerts_at_hand([alert for case in cases for alert in case.fired]):
        return incident_open(
            actor=actor,
            title=f"Alert storm: more than {limit} new problems within a minute",
            description=(
                "So many alerts at once usually have one cause. What came after the limit is gathered here, all of it"
                " listed under Alerts; the incidents before it stand for themselves."
            ),
            severity=worst,
            problem=DetectedProblem(
                dedup_key=STORM_KEY,
                source=Source.ALERT,
                evidence={"alerts_from": first.opener.signal.source, "alerts": len(cases), "group": "storm"},
            ),
        ).incident


# ---- What changes on incidents -------------------------------------------------------------------------------------


def _by_incident(cases: Iterable[Case]) -> dict[UUID, list[Case]]:
    found: dict[UUID, list[Case]] = {}
    for case in cases:
        if case.incident is not None:
            found.setdefault(case.incident.pk, []).append(case)
    return found


def _carry_on(incident_id: UUID, cases: Sequence[Case], actor: Actor, now: datetime) -> None:
    """Counts what came, raises the severity, passes an acknowledgement on, and tells again where nobody is on it."""
    linked = [alert for case in cases if not case.has_opened for alert in case.fired]
    occurrences = sum(case.occurrences for case in cases)
    fires = bool(linked or occurrences)
    is_acknowledged = any(case.acknowledged for case in cases)
    is_repeated = any(case.is_repeated and _is_unattended(case.incident, now) for case in cases)
    if not (fires or is_acknowledged or is_repeated):
        return
    incident = locked(incident_id)
    if fires:
        titles = [alert.title for alert in linked]
        total = Alert.objects.filter(incident__in=family(incident)).count() if titles else 0
        link_alerts(incident=incident, actor=actor, titles=titles, total=total, occurrences=occurrences, at=now)
        _raise_severity(incident, cases, actor)
        if incident.muted_until is not None:  # Its timeline does not tell of each alert, and one may not fit.
            incident_follow_silences(incident_id=incident_id, actor=actor)
    if is_acknowledged and incident.is_live and incident.acknowledged_at is None:
        incident_acknowledge(incident_id=incident_id, actor=actor)
    elif _is_unattended(incident, now):
        incident_tell_again(incident_id=incident_id, actor=actor)


def _is_unattended(incident: Incident | None, now: datetime) -> bool:
    """Whether nobody acknowledged or touched the open incident for long."""
    if incident is None or not incident.is_live or incident.acknowledged_at is not None:
        return False
    return now - incident.touched_at >= UNTOUCHED


def _raise_severity(incident: Incident, cases: Sequence[Case], actor: Actor) -> None:
    """To the worst of what fires now; never down, which is for people. A priority that went with it goes along."""
    worst = max((case.severity for case in cases if case.fires), key=SEVERITY_ORDER.index, default=Severity.LOW)
    before = Severity(incident.severity)
    if SEVERITY_ORDER.index(worst) <= SEVERITY_ORDER.index(before):
        return
    changes: Changes = {"severity": worst}
    if incident.priority == DEFAULT_PRIORITY[before]:
        changes["priority"] = DEFAULT_PRIORITY[worst]
    incident_update(incident_id=incident.pk, actor=actor, changes=changes)


def _end(incident_id: UUID, cases: Sequence[Case], actor: Actor) -> None:
    """Resolves an incident that alerts opened when the last of them is over."""
    over = [alert for case in cases for alert in case.resolved]
    if not over:
        return
    incident = locked(incident_id)
    firing = Alert.objects.filter(incident__in=family(incident)).exclude(status=AlertStatus.RESOLVED).count()
    if not incident.is_live:
        return
    note_resolved_alerts(incident=incident, actor=actor, titles=[alert.title for alert in over], firing=firing)
    if firing or incident.source != Source.ALERT:
        cases[0].rulings.append(wording.not_ended(incident, firing))
        return
    incident_change_status(incident_id=incident_id, actor=actor, status=Status.RESOLVED)
    cases[0].rulings.append(wording.ended(incident))

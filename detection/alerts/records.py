"""Taking hold of the groups that a batch speaks of, with their incidents and alerts, and writing them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Q

from detection.alerts.case import STORM_KEY, Case, Home, home_of
from detection.alerts.messages import Message
from detection.models import Alert, AlertGroup, AlertMapping, AlertStatus
from incident_center.kernel.database.rows import write_rows
from incident_center.kernel.models import uuid7
from incident_center.kernel.scope import require_organization_id
from incidents.actions.locking import locked_in_order
from incidents.lifecycle import Status
from incidents.models import Incident
from incidents.selectors import merge_root

_LOCK_GROUPS = """
INSERT INTO detection_alertgroup AS held
       (id, organization_id, source, key, problem, service_id, last_received_at)
SELECT id, %s, source, key, problem, service_id, %s
  FROM json_to_recordset(%s) AS said(id uuid, source text, key text, problem text, service_id bigint)
    ON CONFLICT (organization_id, key) DO UPDATE SET last_received_at = excluded.last_received_at
RETURNING id, key, source, problem, service_id, incident_id, opened_at, last_received_at
"""
# Each is looked up by its key: PostgreSQL is not asked to choose, since it takes a table for empty that was filled a
# moment ago, and would read all alerts of the organization.
_READ_ALERTS = """
SELECT known.*
  FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS said(group_id, incident_id, fingerprint)
 CROSS JOIN LATERAL (
       SELECT alert.* FROM detection_alert AS alert
        WHERE alert.organization_id = %s AND alert.group_id = said.group_id
          AND alert.incident_id = said.incident_id AND alert.fingerprint = said.fingerprint
        UNION ALL
       SELECT alert.* FROM detection_alert AS alert
        WHERE alert.organization_id = %s AND alert.group_id = said.group_id
          AND alert.incident_id IS NULL AND alert.fingerprint = said.fingerprint
       OFFSET 0
       ) AS known
"""
_COUNT_REPETITIONS = """
UPDATE detection_alert AS alert
   SET received_count = said.received_count, last_received_at = said.at, expires_at = said.expires_at
  FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::timestamptz[]) AS said(id, received_count, at, expires_at)
 WHERE alert.id = said.id
"""
#: What a batch may change about an alert that is there.
_CHANGING = [
    field.name
    for field in Alert._meta.concrete_fields
    if field.name not in ("id", "organization", "group", "fingerprint", "first_received_at")
]


def open_cases(
    groups: Mapping[str, AlertGroup], messages: Sequence[Message], rule: AlertMapping, now: datetime
) -> dict[str, Case]:
    """A case for each key, with its incident locked and its alerts read. In the order of arrival."""
    spoken_of = [groups[key] for key in dict.fromkeys(message.key for message in messages)]
    incidents = _locked_incidents({group.incident_id for group in spoken_of if group.incident_id})
    rejoin = timedelta(minutes=rule.rejoin_minutes)
    held = [(group, incidents[group.incident_id]) for group in spoken_of if group.incident_id is not None]
    on_their_own = _occupied(held) | _out_of_the_storm(held, now - rejoin)
    cases: dict[str, Case] = {}
    for message in messages:
        group = groups[message.key]
        if group.service_id is None and message.service is not None:
            group.service_id = message.service.pk
        if message.key not in cases:
            incident = incidents.get(group.incident_id) if group.incident_id else None
            home = Home.FRESH if group.pk in on_their_own else home_of(incident, rejoin, now)
            cases[message.key] = Case(group, rule, incident, home, now)
    _read_alerts(cases, {(message.key, message.signal.fingerprint) for message in messages})
    return cases


def _occupied(held: Iterable[tuple[AlertGroup, Incident]]) -> set[UUID]:
    """Those whose incident is resolved and cannot be reopened: a newer one is open for its problem."""
    keys = {group.pk: incident.dedup_key for group, incident in held if incident.status == Status.RESOLVED}
    live = Incident.objects.filter(dedup_key__in={key for key in keys.values() if key}, withdrawn_at=None)
    taken = set(live.filter(merged_into=None).exclude(status=Status.RESOLVED).values_list("dedup_key", flat=True))
    return {group_id for group_id, key in keys.items() if key in taken}


def _out_of_the_storm(held: Iterable[tuple[AlertGroup, Incident]], over_by: datetime) -> set[UUID]:
    """Those that a storm took, and whose alerts were all over by then: what fires now is a problem of its own, and
    nobody who has the storm would look for it there.
    """
    absorbed = {group.pk: group.incident_id for group, incident in held if incident.dedup_key == STORM_KEY}
    lately = Alert.objects.filter(group__in=absorbed, incident__in=set(absorbed.values()))
    lately = lately.filter(~Q(status=AlertStatus.RESOLVED) | Q(resolved_at__gt=over_by))
    return absorbed.keys() - set(lately.values_list("group_id", flat=True))


def locked_groups(
    messages: Sequence[Message], now: datetime, *, service_id: int | None = None
) -> dict[str, AlertGroup]:
    """By key; made where they are new. Locked in the order of their keys, so that two batches never wait for one
    another.

    Args:
        service_id: of new groups whose messages do not say.
    """
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.key, message)
    named = [first[key] for key in sorted(first)]
    organization_id = require_organization_id()
    said = [
        {
            "id": uuid7(),
            "source": message.signal.source,
            "key": message.key,
            "problem": message.signal.problem,
            "service_id": message.service.pk if message.service else service_id,
        }
        for message in named
    ]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_GROUPS, [organization_id, now, msgspec.json.encode(said).decode()])
        rows = cursor.fetchall()
    names = ("id", "key", "source", "problem", "service_id", "incident_id", "opened_at", "last_received_at")
    groups = [AlertGroup(organization_id=organization_id, **dict(zip(names, row, strict=True))) for row in rows]
    offered = {line["id"] for line in said}
    for group in groups:
        group.is_new = group.pk in offered
    return {group.key: group for group in groups}


def _locked_incidents(incident_ids: set[UUID]) -> dict[UUID, Incident]:
    """For each id the incident in which it lives on, locked, in the order of their ids."""
    if not incident_ids:
        return {}
    held = locked_in_order(*incident_ids)
    if all(incident.merged_into_id is None for incident in held.values()):
        return held
    # What was merged never comes back, so its lock does no harm; where it lives on is newer or older, and is locked
    # after all of these.
    roots = {incident_id: merge_root(incident) for incident_id, incident in held.items()}
    found = locked_in_order(*(root.pk for root in roots.values()))
    return {incident_id: found[root.pk] for incident_id, root in roots.items()}


def _read_alerts(cases: Mapping[str, Case], said: Iterable[tuple[str, str]]) -> None:
    """Those of the groups' incidents and of none.

    Args:
        said: keys and fingerprints.
    """
    wanted = [(cases[key].group, fingerprint) for key, fingerprint in said if not cases[key].group.is_new]
    if not wanted:
        return
    organization_id = require_organization_id()
    columns: list[object] = [
        [group.pk for group, _ in wanted],
        [group.incident_id for group, _ in wanted],
        [fingerprint for _, fingerprint in wanted],
        organization_id,
        organization_id,
    ]
    by_group = {case.group.pk: case for case in cases.values()}
    for alert in Alert.objects.raw(_READ_ALERTS, columns):
        by_group[alert.group_id].place(alert)


def save_cases(cases: Iterable[Case]) -> None:
    """Writes groups and alerts back, each in one statement."""
    cases = list(cases)
    opened = [case.group for case in cases if case.fires]
    write_rows(opened, replacing=("incident", "opened_at", "service"))
    changed = [alert for case in cases for alert in case.changed.values()]
    write_rows(changed, replacing=_CHANGING)
    _count_repetitions([alert for case in cases for alert in case.repeated.values()])


def _count_repetitions(repeated: Sequence[Alert]) -> None:
    """Writes what a repetition changes, and no more: most messages are repetitions."""
    if not repeated:
        return
    columns: list[list[object]] = [
        [alert.pk for alert in repeated],
        [alert.received_count for alert in repeated],
        [alert.last_received_at for alert in repeated],
        [alert.expires_at for alert in repeated],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_REPETITIONS, columns)

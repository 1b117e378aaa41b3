from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from detection.actions.silence_follow import LOCK_CLASS, SILENCES, incident_follow_silences
from detection.models import Mute, Silence
from detection.silences.facts import facts_of, firing_labels
from detection.silences.selectors import incidents_like
from incident_center.kernel.scope import Actor, require_organization_id
from incidents.events import PeopleTold, people_told
from incidents.lifecycle import Status
from incidents.models import Incident
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership

ATTEMPTS, SECONDS_BETWEEN_ATTEMPTS = 20, 0.05
NAMED_IN_DIGEST = 10
_CONFIGURERS = [role for role in Role if allows(role, Action.CONFIGURE) is Grant.YES]


def silence_apply(*, silence_id: UUID, actor: Actor = SILENCES, attempts: int = 1) -> bool:
    """Carries out what a silence says now, on incidents that are open already; new ones look for themselves.

    Called after a silence was changed, in a transaction of its own, and by the sweep whenever its hours begin or end.
    False: a transaction that may still go by the silence as it was has not ended; the sweep does it within a second.
    """
    for attempt in range(attempts):
        if attempt:
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)
        if _nobody_reads_the_old():
            break
    else:
        return False
    now = timezone.now()
    silence = Silence.objects.filter(pk=silence_id).first()
    if silence is None:
        return True
    muted = Mute.objects.filter(silence=silence, ended_at=None).values_list("incident_id", flat=True)
    for incident_id in sorted({*muted, *_open_incidents(silence, now)}):
        incident_follow_silences(incident_id=incident_id, actor=actor)
    _settle(silence, now)
    return True


def _nobody_reads_the_old() -> bool:
    """Whether every transaction has ended that looked at the silences before the change was committed.

    It only asks: waiting in the lock's queue would hold up those who open incidents, and could end in a deadlock with
    two of them.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, require_organization_id()])
        return bool(cursor.fetchone()[0])


def _open_incidents(silence: Silence, now: datetime) -> list[UUID]:
    """Those that it fits while it is in force, and that nobody has."""
    if silence.interval_at(now) is None:
        return []
    matchers = silence.matching
    rows = incidents_like(matchers).exclude(status=Status.RESOLVED).filter(acknowledged_at=None, withdrawn_at=None)
    live = list(rows.filter(merged_into=None).select_related("service"))
    labels = firing_labels(live) if matchers.alert_labels else {}
    return [each.pk for each in live if not matchers.mismatch(facts_of(each, labels.get(each.pk, ())))]


def _settle(silence: Silence, now: datetime) -> None:
    """Plans the next time, and tells the owner what was muted when its hours are over.

    Where the silence was changed meanwhile it stays due.
    """
    with transaction.atomic():
        current = Silence.objects.select_for_update(no_key=True).select_related("owner").get(pk=silence.pk)
        if current.updated_at != silence.updated_at or current.next_change_at != silence.next_change_at:
            return
        interval, over = current.interval_at(now), current.is_over(now)
        if interval is not None:
            current.active_since = interval[0]
        elif current.active_since is not None:
            _tell_digest(current, current.active_since, is_over=over)
            current.active_since = None
        current.next_change_at = None if over else current.times.next_change(now)
        current.save(update_fields=["active_since", "next_change_at"])


def _tell_digest(silence: Silence, since: datetime, *, is_over: bool) -> None:
    """The digest of the hours that ended: an inbox line for the owner; for owners and leads where that person left."""
    ids = Mute.objects.filter(silence=silence, began_at__gte=since).values("incident_id")
    incidents = list(Incident.objects.filter(pk__in=ids).order_by("number"))
    if not incidents and not is_over:
        return
    waiting = [each for each in incidents if each.is_live and each.acknowledged_at is None]
    count = "1 incident" if len(incidents) == 1 else f"{len(incidents)} incidents"
    title = f"“{silence.reason}” is over: it muted {count if incidents else 'nothing'}"
    if waiting:
        title += f", and nobody has {len(waiting)} of them yet" if len(incidents) > 1 else ", and nobody has it yet"
    members = Membership.objects.filter(is_active=True)
    owner = members.filter(user=silence.owner)
    people = owner if owner.exists() else members.filter(role__in=_CONFIGURERS)
    named = "; ".join(f"{each.reference} {each.title} ({each.status})" for each in incidents[:NAMED_IN_DIGEST])
    more = f"; and {len(incidents) - NAMED_IN_DIGEST} more" if len(incidents) > NAMED_IN_DIGEST else ""
    path = reverse("detection:silence", args=[silence.pk])
    people_told.emit(PeopleTold(tuple(people.values_list("user_id", flat=True)), title, named + more, path))

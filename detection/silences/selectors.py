"""Every read of silences, in the organization of the open scope, but for the list of those that are due."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from detection.alerts.case import STORM_KEY
from detection.models import Mute, Silence
from detection.silences.matching import Matchers
from incident_center.kernel.api.problems import NotFound
from incidents.models import Incident
from organizations.models import Service

ENDS_SOON = timedelta(hours=24)


def silences(kind: str | None = None) -> QuerySet[Silence]:
    """With ``muted_count``, the incidents that each has muted so far."""
    rows = Silence.objects.filter(removed_at=None).select_related("owner")
    rows = rows if kind is None else rows.filter(kind=kind)
    return rows.annotate(muted_count=Count("mutes__incident", distinct=True))


def get_silence(silence_id: UUID, kind: str | None = None) -> Silence:
    """Raises NotFound where there is none, or it is another organization's."""
    silence = silences(kind).filter(pk=silence_id).first()
    if silence is None:
        raise NotFound()
    return silence


def remarks(silence: Silence, muted_count: int, now: datetime) -> list[str]:
    """What its owner should look at: ``ends_soon``, and ``muted_nothing`` once it was in force."""
    found = []
    if not silence.is_over(now) and silence.ends_at - now <= ENDS_SOON and silence.starts_at <= now:
        found.append("ends_soon")
    if muted_count == 0 and _has_begun(silence, now):
        found.append("muted_nothing")
    return found


def _has_begun(silence: Silence, now: datetime) -> bool:
    """Whether it has been in force at all; where hours recur, the first of them may be still to come."""
    times = silence.times
    if times.interval_at(times.starts_at) is not None:
        return times.starts_at <= now
    first = times.next_change(times.starts_at)
    return first is not None and first <= now


def silences_muting(incident: Incident) -> list[Silence]:
    """Those that mute the incident now."""
    running = Mute.objects.filter(incident=incident, ended_at=None).values("silence_id")
    return list(Silence.objects.filter(pk__in=running).select_related("owner").order_by("ends_at"))


def incidents_muted_by(silence: Silence) -> QuerySet[Incident]:
    ids = Mute.objects.filter(silence=silence).values("incident_id")
    return Incident.objects.filter(pk__in=ids).select_related("service").order_by("-opened_at", "-pk")


def incidents_like(matchers: Matchers) -> QuerySet[Incident]:
    """A superset of those that the matchers fit, as far as an index helps to find them."""
    wanted = Q()
    if matchers.services:
        wanted &= Q(service__public_id__in=matchers.services)
    if matchers.severities:
        wanted &= Q(severity__in=matchers.severities)
    if matchers.labels:
        wanted &= Q(labels__contains=list(matchers.labels))
    # A storm fits by its alerts. (An empty condition or another one is the other one.)
    return Incident.objects.filter(wanted | Q(dedup_key=STORM_KEY) if wanted else wanted)


def service_names() -> dict[UUID, str]:
    return {service.public_id: str(service) for service in Service.objects.all()}


def silences_due(now: datetime) -> list[tuple[int, UUID]]:
    """Over all organizations: organization and silence of those that begin or end. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, silence_id FROM detection_silences_due(%s)", [now])
        return [(int(organization_id), silence_id) for organization_id, silence_id in cursor.fetchall()]

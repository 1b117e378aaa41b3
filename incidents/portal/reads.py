"""Reads that only the pages need; in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import IntegerField, OuterRef, Subquery
from django.utils import timezone

from incidents.lifecycle import Status
from incidents.models import EventKind, Incident, TimelineEvent
from incidents.selectors import listed_incidents
from ingestion.levels import Level
from ingestion.models import LogEntry
from organizations.members import Member
from organizations.models import Service

HEARD_WITHIN = timedelta(hours=24)
ERRORS_WITHIN = timedelta(hours=1)
#: Beyond this many errors in an hour the exact number tells nobody anything, and counting on would cost.
MOST_ERRORS_COUNTED = 1_000
MOST_RELATED = 5


@dataclass(frozen=True)
class Pulse:
    """What a service has logged of late, in event time."""

    heard_at: datetime | None = None
    """Its newest log of the last 24 hours; None where there was none."""
    errors: int = 0
    """Errors of the last hour, counted up to ``MOST_ERRORS_COUNTED``."""

    @property
    def has_most_errors(self) -> bool:
        return self.errors >= MOST_ERRORS_COUNTED


class _CountOf(Subquery):
    """How many rows the subquery has; a slice bounds the counting, which an aggregate's filter could not."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def service_pulses(services: Iterable[Service], now: datetime | None = None) -> dict[int, Pulse]:
    """By service id. One query: an index probe and a bounded count for each service."""
    now = now or timezone.now()
    logs = LogEntry.objects.filter(service_id=OuterRef("pk"))
    # Named, not the whole row: the partial index of errors answers the count by itself.
    newest = logs.filter(timestamp__gte=now - HEARD_WITHIN).order_by("-timestamp").values("timestamp")[:1]
    errors = logs.filter(timestamp__gte=now - ERRORS_WITHIN, level__gte=int(Level.ERROR)).values("timestamp")
    found = (
        Service.objects.filter(pk__in=[service.pk for service in services])
        .annotate(heard_at=Subquery(newest), errors=_CountOf(errors[:MOST_ERRORS_COUNTED]))
        .values_list("pk", "heard_at", "errors")
    )
    return {pk: Pulse(heard_at, errors) for pk, heard_at, errors in found}


@dataclass(frozen=True)
class Told:
    """What a channel was last sent about an incident, and whether it arrived; ``error`` is empty where it
    did.
    """

    channel: str
    at: datetime
    error: str = ""


def channels_told(incident: Incident) -> list[Told]:
    """The newest attempt of each channel that was told of the incident, or should have been; newest first."""
    kinds = (EventKind.NOTIFICATION_SENT, EventKind.NOTIFICATION_FAILED)
    events = TimelineEvent.objects.filter(incident=incident, kind__in=kinds)
    newest = events.order_by("data__channel_id", "-sequence").distinct("data__channel_id")
    told = [Told(event.data["channel"], event.at, event.data.get("error", "")) for event in newest]
    return sorted(told, key=lambda each: each.at, reverse=True)


def also_open(member: Member, incident: Incident) -> list[Incident]:
    """Other incidents of the same service that wait for someone; newest first, at most ``MOST_RELATED``."""
    if incident.service_id is None:
        return []
    others = listed_incidents(member).filter(service=incident.service_id).exclude(pk=incident.pk)
    return list(others.exclude(status=Status.RESOLVED).order_by("-opened_at")[:MOST_RELATED])

"""Figures over incidents, for the dashboard; in the organization of the open scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, F, Q
from django.utils import timezone

from incidents.models import Incident

PERIOD = timedelta(days=30)


@dataclass(frozen=True)
class ResponseTimes:
    """Means over incidents that were neither withdrawn nor merged; None where there was none."""

    to_acknowledge: timedelta | None
    """MTTA: from opening to acknowledgement, of those acknowledged in the period."""
    to_resolve: timedelta | None
    """MTTR: from opening to resolution, of those resolved in the period."""


def response_times(*, since: datetime, until: datetime) -> ResponseTimes:
    counted = Incident.objects.filter(withdrawn_at=None, merged_into=None)
    acknowledged = Q(acknowledged_at__gte=since, acknowledged_at__lt=until)
    resolved = Q(resolved_at__gte=since, resolved_at__lt=until)
    found = counted.filter(acknowledged | resolved).aggregate(
        to_acknowledge=Avg(F("acknowledged_at") - F("opened_at"), filter=acknowledged),
        to_resolve=Avg(F("resolved_at") - F("opened_at"), filter=resolved),
    )
    return ResponseTimes(found["to_acknowledge"], found["to_resolve"])


def recent_response_times(now: datetime | None = None) -> tuple[ResponseTimes, ResponseTimes]:
    """The last 30 days, and the 30 days before them."""
    now = now or timezone.now()
    return (
        response_times(since=now - PERIOD, until=now),
        response_times(since=now - 2 * PERIOD, until=now - PERIOD),
    )

"""Reading patterns: which there are, how often they came, which are new since the last deploy."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from ingestion.levels import Level
from ingestion.models import LogPattern, LogPatternMinute, ServiceRelease

TREND_HOURS = 24


def log_patterns(
    *,
    service_ids: Collection[int],
    text: str = "",
    minimum_level: Level | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    only_new: bool = False,
) -> QuerySet[LogPattern]:
    """The patterns seen in ``[since, until)``. ``only_new``: first seen at or after their service's last deploy."""
    found = LogPattern.objects.filter(service_id__in=service_ids).select_related("service")
    if text:
        found = found.filter(template__icontains=text)
    if minimum_level is not None:
        found = found.filter(level__gte=int(minimum_level))
    if since is not None:
        found = found.filter(last_seen_at__gte=since)
    if until is not None:
        found = found.filter(first_seen_at__lt=until)
    if only_new:
        found = found.filter(_new_since_deploy(service_ids))
    return found


def _new_since_deploy(service_ids: Collection[int]) -> Q:
    condition = Q(pk__in=[])
    for service_id, release in last_deploys(service_ids).items():
        condition |= Q(service_id=service_id, first_seen_at__gte=release.first_seen_at)
    return condition


def last_deploys(service_ids: Collection[int]) -> dict[int, ServiceRelease]:
    """Each service's latest version by its first log. A service's very first version replaced none: it is no deploy."""
    earlier = ServiceRelease.objects.filter(
        service_id=OuterRef("service_id"), first_seen_at__lt=OuterRef("first_seen_at")
    )
    releases = ServiceRelease.objects.filter(Exists(earlier), service_id__in=service_ids)
    return {
        release.service_id: release
        for release in releases.order_by("service_id", "-first_seen_at", "-id").distinct("service_id")
    }


def trends(pattern_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[int]]:
    """Logs by hour over the last 24 hours, oldest first, the present hour last."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=TREND_HOURS - 1)
    counted = (
        LogPatternMinute.objects.filter(pattern_id__in=pattern_ids, minute__gte=first, minute__lt=now)
        .annotate(hour=Trunc("minute", "hour"))
        .values_list("pattern_id", "hour")
        .annotate(total=Sum("count"))
    )
    found = {pattern_id: [0] * TREND_HOURS for pattern_id in pattern_ids}
    for pattern_id, hour, total in counted:
        found[pattern_id][int((hour - first) / timedelta(hours=1))] = total
    return found

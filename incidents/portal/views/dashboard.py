"""The first page: what is on fire, then how things are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from incidents import selectors
from incidents.analytics.selectors import recent_response_times
from incidents.filters import ORDERINGS, with_sort_keys
from incidents.lifecycle import Status
from incidents.portal.analytics_tiles import duration_tile
from incidents.portal.schedule_reads import on_call_now, swap_lines
from incidents.portal.service_grid import service_grid
from incidents.schedules.selectors import waiting_swaps
from ingestion.histogram import log_histogram
from ingestion.levels import Level
from ingestion.log_filters import LogFilters
from ingestion.logstore.port import QueryTooBroadError
from ingestion.selectors import services_by_filter
from organizations.access import Action
from organizations.portal.base import PortalView

MOST_CARDS = 12
MOST_SEVERE_FIRST: str = f"-{ORDERINGS['severity']}"
VOLUME_SPAN = timedelta(hours=24)
#: Counting a day of logs takes a while in a large organization; the picture of a day can be a minute old.
VOLUME_KEPT_SECONDS = 60
FIRST_LOG = """curl -H "X-API-Key: ick_…" -H "Content-Type: application/json" \\
  %s/v1/ingest \\
  -d '{"level": "ERROR", "message": "card declined", "metadata": {"order": 4711}}'"""


class DashboardPage(PortalView):
    actions = {"GET": Action.READ_INCIDENTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        waiting = selectors.listed_incidents(self.member).exclude(status=Status.RESOLVED)
        most_severe = with_sort_keys(waiting, MOST_SEVERE_FIRST).order_by(MOST_SEVERE_FIRST)
        cards = list(most_severe[: MOST_CARDS + 1])
        sees_everything = self.member.can(Action.READ_LOGS)
        context: dict[str, Any] = {
            "incidents": cards[:MOST_CARDS],
            "has_more": len(cards) > MOST_CARDS,
            "open_count": selectors.open_incident_count(self.member),
            "sees_everything": sees_everything,
            "may_open": self.member.can(Action.OPEN_INCIDENTS),
            "may_work": self.member.can(Action.WORK_INCIDENTS),
        }
        if sees_everything:
            now = timezone.now()
            context |= {
                "times": _response_times(),
                "on_call": on_call_now(now),
                "swaps": swap_lines(waiting_swaps(now), self.member.user.pk) if self._may_take() else [],
                "grid": service_grid(),
                "may_configure": self.member.can(Action.CONFIGURE),
                "first_log": FIRST_LOG % settings.BASE_URL,
            }
        return render(request, "incidents/dashboard.html", context)

    def _may_take(self) -> bool:
        return self.member.can(Action.TAKE_SHIFTS)


def _response_times() -> list[dict[str, str]]:
    recent, before = recent_response_times()
    labels = ("Time to acknowledge, 30 d", "Time to resolve, 30 d")
    return [duration_tile(label, now, then, days=30) for label, now, then in zip(labels, recent, before, strict=True)]


class LogVolumeFragment(PortalView):
    """The chart of the last 24 hours; fetched after the page, so that counting holds nothing up."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        key = f"log-volume:{self.member.organization_id}"
        volume = cache.get(key)
        if volume is None:
            volume = _volume()
            cache.set(key, volume, VOLUME_KEPT_SECONDS)
        return render(request, "incidents/log_volume.html", {**volume, "first_log": FIRST_LOG % settings.BASE_URL})


def _volume() -> dict[str, Any]:
    services = services_by_filter()
    until = datetime.now(UTC)
    filters = LogFilters(since=until - VOLUME_SPAN, until=until)
    try:
        histogram = log_histogram(filters, services, interval="30m") if services else None
    except QueryTooBroadError:
        return {"is_too_broad": True}
    buckets = histogram.buckets if histogram else []
    errors = [_sum(bucket.by_level, Level.ERROR, Level.FATAL) for bucket in buckets]
    warnings = [_sum(bucket.by_level, Level.WARN) for bucket in buckets]
    others = [bucket.count - e - w for bucket, e, w in zip(buckets, errors, warnings, strict=True)]
    total = sum(errors) + sum(warnings) + sum(others)
    return {
        "total": total,
        "errors": sum(errors),
        "share": f"{100 * sum(errors) / total:.2f} %" if total else "",
        "services_hint": "from one service" if len(services) == 1 else f"from {len(services)} services",
        "chart": {
            "kind": "bars",
            "stacked": True,
            "unit": "logs",
            "step": 1_800,
            "times": [int(bucket.start.timestamp()) for bucket in buckets],
            "series": [
                {"label": "Errors", "color": "level-error", "values": errors},
                {"label": "Warnings", "color": "level-warn", "values": warnings},
                {"label": "Other", "color": "chart-quiet", "values": others},
            ],
        },
    }


def _sum(by_level: dict[Level, int], *levels: Level) -> int:
    return sum(by_level.get(level, 0) for level in levels)

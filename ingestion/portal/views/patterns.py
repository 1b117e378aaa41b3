"""The patterns that messages have: which came, how often, and which are new."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from incident_center.kernel.api.problems import InvalidInput
from ingestion.api.patterns import NewestPatterns
from ingestion.log_filters import LogFilters
from ingestion.pattern_selectors import last_deploys, log_patterns, trends
from ingestion.portal.addresses import with_span
from ingestion.portal.forms import PatternFilterForm
from ingestion.selectors import services_by_filter
from organizations.access import Action
from organizations.portal.base import PortalView

#: Heights of the trend's bars, as many as there are marks in marks.svg.
STEPS = 8


class PatternsView(PortalView):
    """Filters in the address, as on the log page."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        context: dict[str, Any] = {"form": PatternFilterForm(request.GET)}
        status = 200
        try:
            context.update(_found(request))
        except InvalidInput as error:
            status = 400
            context["trouble"] = error.detail
        return render(request, "ingestion/patterns.html", context, status=status)


def _found(request: HttpRequest) -> dict[str, Any]:
    filters = LogFilters.read(with_span(request.GET))
    services = services_by_filter(service=filters.service, environment=filters.environment)
    found = log_patterns(
        service_ids=services.keys(),
        text=request.GET.get("q", "").strip(),
        minimum_level=filters.minimum_level,
        since=filters.since,
        only_new=bool(request.GET.get("new")),
    )
    paginator = NewestPatterns()
    page = paginator.paginate_queryset(found, Request(request), None) or []
    trend = trends([pattern.pk for pattern in page], now=datetime.now(UTC))
    deploys = last_deploys({pattern.service_id for pattern in page})
    rows = []
    for pattern in page:
        deploy = deploys.get(pattern.service_id)
        counts = trend[pattern.pk]
        rows.append(
            {
                "pattern": pattern,
                "level_class": f"level-{pattern.level_name.lower()}",
                "is_new": deploy is not None and pattern.first_seen_at >= deploy.first_seen_at,
                "version": deploy.version if deploy else "",
                "today": sum(counts),
                "bars": _bars(counts),
                "url": f"?pattern={pattern.pk}&span=7d",
            }
        )
    return {"rows": rows, "previous_url": paginator.get_previous_link(), "next_url": paginator.get_next_link()}


def _bars(counts: list[int]) -> list[dict[str, int]]:
    """Each hour's place and height, in eighths of the tallest; a single log still shows."""
    tallest = max(counts)
    return [
        {"x": place * 4, "height": -(-count * STEPS * 2 // tallest), "y": STEPS * 2 - -(-count * STEPS * 2 // tallest)}
        for place, count in enumerate(counts)
        if count
    ]

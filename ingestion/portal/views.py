"""The log page, and the dead letters that wait to be repaired."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from ingestion import selectors
from ingestion.actions.delete_dead_letter import delete_dead_letter
from ingestion.actions.replay_dead_letter import replay_dead_letter
from ingestion.api.pagination import read_page
from ingestion.histogram import LogHistogram, log_histogram
from ingestion.levels import Level
from ingestion.log_filters import METADATA_PREFIX, LogFilters
from ingestion.logstore.port import LogRecord, QueryTooBroadError
from ingestion.models import DeadLetter
from ingestion.portal.forms import LogFilterForm, ReplayForm
from organizations.access import Action
from organizations.models import Service
from organizations.portal.base import PortalView

PAGE_SIZE = 100
SPANS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "": timedelta(hours=24), "7d": timedelta(days=7)}
SHOWN_BYTES = 4_000


class LogsView(PortalView):
    """Search, histogram and rows; the whole state is in the URL."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = LogFilterForm(request.GET)
        context: dict[str, Any] = {
            "form": form,
            "metadata_filters": _metadata_filters(request.GET),
            "waiting": selectors.waiting_dead_letters(),
        }
        status = 200
        try:
            context.update(self._found(request))
        except InvalidInput as error:
            status = 400
            context["trouble"] = error.detail
        except QueryTooBroadError:
            status = 400
            context["trouble"] = "That search took too long. Choose a service, a shorter time or a rarer word."
        return render(request, "ingestion/logs.html", context, status=status)

    def _found(self, request: HttpRequest) -> dict[str, Any]:
        filters = LogFilters.read(_with_span(request.GET))
        services = selectors.services_by_filter(service=filters.service, environment=filters.environment)
        page = read_page(filters.query(services), cursor=request.GET.get("cursor", ""), page_size=PAGE_SIZE)
        histogram = log_histogram(filters, services)
        return {
            "rows": [_row(record, services[record.service_id], request.GET) for record in page.records],
            "total": sum(bucket.count for bucket in histogram.buckets),
            "histogram": _chart(histogram),
            "previous_url": _with_cursor(request.GET, page.previous_cursor),
            "next_url": _with_cursor(request.GET, page.next_cursor),
            "has_services": bool(services),
        }


def _with_span(parameters: QueryDict) -> QueryDict:
    """Where no beginning is given, the chosen span before now, or before the given end."""
    if parameters.get("from"):
        return parameters
    read = parameters.copy()
    span = SPANS.get(parameters.get("span", ""), SPANS[""])
    if not parameters.get("to"):
        read["from"] = (datetime.now(UTC) - span).isoformat()
    return read


def _row(record: LogRecord, service: Service, parameters: QueryDict) -> dict[str, Any]:
    metadata = [
        {"key": key, "value": _shown(value), "url": _filter_url(parameters, METADATA_PREFIX + key, value)}
        for key, value in record.metadata.items()
    ]
    return {
        "record": record,
        "service": service,
        "level": record.level.name,
        "level_class": f"level-{record.level.name.lower()}",
        "metadata": metadata,
        "trace_url": _trace_url(record.trace_id) if record.trace_id else "",
    }


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _filter_url(parameters: QueryDict, name: str, value: object) -> str:
    """The same search, narrowed to this value; empty for what cannot be filtered by."""
    if isinstance(value, dict | list):
        return ""
    narrowed = parameters.copy()
    narrowed[name] = _shown(value)
    narrowed.pop("cursor", None)
    return f"?{narrowed.urlencode()}"


def _trace_url(trace_id: str) -> str:
    """The whole trace, over all services."""
    query = QueryDict(mutable=True)
    query["trace_id"] = trace_id
    query["span"] = "7d"
    return f"?{query.urlencode()}"


def _metadata_filters(parameters: QueryDict) -> list[dict[str, str]]:
    """The filters that the form has no field for, each with the address that drops it."""
    found = []
    for name in parameters:
        if name.startswith(METADATA_PREFIX) or (name in ("trace_id", "from", "to") and parameters[name]):
            rest = parameters.copy()
            rest.pop(name)
            rest.pop("cursor", None)
            label = name.removeprefix(METADATA_PREFIX).replace("trace_id", "trace")
            found.append({"name": label, "value": str(parameters[name]), "remove_url": f"?{rest.urlencode()}"})
    return found


def _with_cursor(parameters: QueryDict, cursor: str | None) -> str:
    if cursor is None:
        return ""
    query = parameters.copy()
    query["cursor"] = cursor
    return f"?{query.urlencode()}"


def _chart(histogram: LogHistogram) -> dict[str, Any]:
    """The histogram in the form that charts.js draws (docs/design.md)."""

    def series(label: str, color: str, levels: tuple[Level, ...]) -> dict[str, Any]:
        values = [sum(bucket.by_level.get(level, 0) for level in levels) for bucket in histogram.buckets]
        return {"label": label, "color": color, "values": values}

    return {
        "kind": "bars",
        "stacked": True,
        "unit": "logs",
        "times": [int(bucket.start.timestamp()) for bucket in histogram.buckets],
        "step": int(histogram.interval.total_seconds()),
        "series": [
            series("Errors", "level-error", (Level.ERROR, Level.FATAL)),
            series("Warnings", "level-warn", (Level.WARN,)),
            series("Other", "chart-quiet", (Level.DEBUG, Level.INFO)),
        ],
        "brush": {"from": "from", "to": "to"},
    }


class NewestDeadLetters(KeysetPagination):
    ordering = ("-last_seen_at", "-id")


class DeadLettersView(PortalView):
    """What came in broken, with the reason; nothing here is lost."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        paginator = NewestDeadLetters()
        page = paginator.paginate_queryset(selectors.dead_letters(), Request(request), None)
        context = {
            "letters": page,
            "previous_url": paginator.get_previous_link(),
            "next_url": paginator.get_next_link(),
        }
        return render(request, "ingestion/dead_letters.html", context)


class DeadLetterView(PortalView):
    """One dead letter: its content and reason; POST repairs and replays it."""

    actions = {"GET": Action.READ_LOGS, "POST": Action.REPAIR_LOGS}

    def get(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        letter = selectors.read_dead_letter(dead_letter_id)
        return self._page(request, letter, ReplayForm(initial={"corrected": _text(letter)}))

    def post(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        letter = selectors.read_dead_letter(dead_letter_id)
        form = ReplayForm(request.POST)
        if form.is_valid():
            written = form.cleaned_data["corrected"]
            corrected = written.encode() if written and written != _text(letter) else None
            try:
                replay_dead_letter(dead_letter_id=dead_letter_id, actor=self.member.actor, corrected=corrected)
            except Problem as problem:
                form.add_error("corrected", problem.detail)
            else:
                say(request, "Replayed: it is among the logs now.")
                return redirect("ingestion:dead-letters")
        return self._page(request, letter, form, status=400)

    def _page(self, request: HttpRequest, letter: DeadLetter, form: ReplayForm, status: int = 200) -> HttpResponse:
        context = {"letter": letter, "form": form, "may_repair": self.member.can(Action.REPAIR_LOGS)}
        return render(request, "ingestion/dead_letter.html", context, status=status)


class DeadLetterDeleteView(PortalView):
    actions = {"POST": Action.REPAIR_LOGS}

    def post(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        try:
            delete_dead_letter(dead_letter_id=dead_letter_id, actor=self.member.actor)
        except Problem as problem:
            if problem.status == 404:
                raise
            complain(request, problem.detail)
        else:
            say(request, "The dead letter is deleted; the audit log says by whom.")
        return redirect("ingestion:dead-letters")


def _text(letter: DeadLetter) -> str:
    return bytes(letter.content)[:SHOWN_BYTES].decode(errors="replace")

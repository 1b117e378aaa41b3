"""The log explorer: search, histogram, rows, the lines around one, and the fields beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from incident_center.kernel.api.problems import InvalidInput, NotFound
from ingestion import selectors
from ingestion.api.pagination import read_page
from ingestion.histogram import log_histogram
from ingestion.log_fields import count_fields
from ingestion.log_filters import METADATA_PREFIX, LogFilters
from ingestion.log_ids import decode_log_id, position_of
from ingestion.logstore import log_store
from ingestion.logstore.port import LogQuery, QueryTooBroadError
from ingestion.pattern_search import search, templates_by_id
from ingestion.portal.addresses import (
    chips,
    narrowed,
    searched,
    text_of,
    unlisted_filters,
    url_of,
    with_span,
    with_values,
    without,
)
from ingestion.portal.forms import ColumnsForm, LogFilterForm, SavedSearchForm
from ingestion.portal.rows import chart, row
from organizations.access import Action
from organizations.portal.base import PortalView

PAGE_SIZE = 100
#: Lines shown before and after the one that was asked about.
CONTEXT_LINES = 30
CONTEXT_SPAN = timedelta(days=30)
#: The newest matches over which the fields' top values are counted.
FIELD_SAMPLE = 1_000
#: The first fields show their values at once, but for those whose values hardly ever come twice.
FIELDS_OPEN = 5
COMMON_SHARE = 0.01
TOO_BROAD = "That search took too long. Choose a service, a shorter time or a rarer word."


class LogsView(PortalView):
    """Search, histogram and rows; the whole state is in the address."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = request.GET
        columns = selectors.chosen_columns(self.member.membership_id)
        context: dict[str, Any] = {
            "form": LogFilterForm(parameters),
            "carried": unlisted_filters(parameters),
            "waiting": selectors.waiting_dead_letters(),
            "columns": columns,
            "columns_form": ColumnsForm(initial={"columns": ", ".join(columns)}),
            "columns_class": f"log-columns-{len(columns)}" if columns else "",
            "searches": selectors.saved_searches(self.member.membership_id),
            "search_form": SavedSearchForm(may_share=self.member.can(Action.REPAIR_LOGS)),
            "membership_id": self.member.membership_id,
            "may_drop_shared": self.member.can(Action.CONFIGURE),
            "query": searched(parameters).urlencode(),
            "is_live": bool(parameters.get("live")),
            "tail_url": with_values(without(parameters, "from", "to"), live="1"),
            "still_url": url_of(without(parameters)),
        }
        status = 200
        try:
            if parameters.get("around"):
                context.update(_around(parameters, columns))
            else:
                context.update(_found(parameters, columns))
        except InvalidInput as error:
            status = 400
            context["trouble"] = error.detail
        except QueryTooBroadError:
            status = 400
            context["trouble"] = TOO_BROAD
        return render(request, "ingestion/logs.html", context, status=status)


def _found(parameters: QueryDict, columns: list[str]) -> dict[str, Any]:
    filters = LogFilters.read(with_span(parameters))
    services = selectors.services_by_filter(service=filters.service, environment=filters.environment)
    page = read_page(
        filters.query(services),
        cursor=parameters.get("cursor", ""),
        page_size=PAGE_SIZE,
        pattern=filters.pattern,
    )
    labels = templates_by_id([filters.pattern]) if filters.pattern else {}
    histogram = None if parameters.get("live") else log_histogram(filters, services)
    return {
        "rows": [row(record, services[record.service_id], parameters, columns) for record in page.records],
        "chips": chips(
            parameters,
            labels={str(id_): text for id_, text in labels.items()},
            since=filters.since,
            until=filters.until,
        ),
        "total": sum(bucket.count for bucket in histogram.buckets) if histogram else 0,
        "total_is_exact": histogram is None or histogram.is_exact,
        "histogram": chart(histogram) if histogram else None,
        "previous_url": with_values(parameters, cursor=page.previous_cursor) if page.previous_cursor else "",
        "next_url": with_values(parameters, cursor=page.next_cursor) if page.next_cursor else "",
    }


def _around(parameters: QueryDict, columns: list[str]) -> dict[str, Any]:
    """The lines around one, of the same service, whatever else is filtered by.

    Raises:
        InvalidInput: that is not a log's id.
        NotFound: the log is not there any more, or is another organization's.
    """
    try:
        log_id = decode_log_id(parameters.get("around", ""))
    except ValueError as error:
        raise InvalidInput("around", f"{error}.") from error
    service = selectors.services_by_ids([log_id.service_id]).get(log_id.service_id)
    centre = selectors.logs_by_ids([log_id])
    if service is None or not centre:
        raise NotFound()
    position = position_of(log_id)
    span = LogQuery((service.pk,), log_id.timestamp - CONTEXT_SPAN, log_id.timestamp + CONTEXT_SPAN)
    before = log_store().search(span, limit=CONTEXT_LINES, older_than=position)
    after = log_store().search(span, limit=CONTEXT_LINES, newer_than=position)
    return {
        "rows": [
            row(record, service, parameters, columns, is_centre=record is centre[0])
            for record in [*after, *centre, *before]
        ],
        "around": centre[0],
        "around_service": service,
        "back_url": url_of(without(parameters)),
    }


class LogFieldsView(PortalView):
    """The fields beside the rows, with their top values; a fragment that the page fetches after itself."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = without(request.GET)
        try:
            filters = LogFilters.read(with_span(parameters, now=datetime.now(UTC)))
            services = selectors.services_by_filter(service=filters.service, environment=filters.environment)
            records = search(filters.query(services), pattern=filters.pattern, limit=FIELD_SAMPLE)
        except InvalidInput:
            records, services = [], {}
        except QueryTooBroadError:
            return render(request, "ingestion/fields.html", {"trouble": TOO_BROAD})
        looked_at, fields = count_fields(records, services)
        shown = [
            {
                "field": field,
                "is_open": place < FIELDS_OPEN and field.values[0].share >= COMMON_SHARE,
                "values": [
                    {
                        "text": text_of(each.value),
                        "count": each.count,
                        "percent": _percent(each.share),
                        "url": narrowed(parameters, _parameter(field.name, field.is_metadata), each.value),
                    }
                    for each in field.values
                ],
            }
            for place, field in enumerate(fields)
        ]
        context = {"fields": shown, "looked_at": looked_at, "is_sample": looked_at == FIELD_SAMPLE}
        return render(request, "ingestion/fields.html", context)


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %") if share >= COMMON_SHARE else "<1 %"


def _parameter(name: str, is_metadata: bool) -> str:
    return METADATA_PREFIX + name if is_metadata else name

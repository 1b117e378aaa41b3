"""The state of the log page is its address. Here it is read, narrowed, and written as chips."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import QueryDict

from ingestion.log_filters import METADATA_PREFIX

SPANS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
DEFAULT_SPAN = "24h"
#: Filters that the form has no field for, and what a chip calls them.
UNLISTED = {"level": "level", "trace_id": "trace", "pattern": "pattern"}
RANGE = ("from", "to")
#: Where one is, not what one looks for: not kept in a saved search, and gone when a filter changes.
POSITION = ("cursor", "around", "live")


@dataclass(frozen=True, slots=True)
class FilterChip:
    """One filter in force, and the address that drops it. ``since`` and ``until`` are set for the time range."""

    name: str
    value: str
    remove_url: str
    since: datetime | None = None
    until: datetime | None = None


def has_range(parameters: QueryDict) -> bool:
    """Whether a brushed range decides the time; a chosen span wins over it."""
    return not parameters.get("span") and any(parameters.get(name) for name in RANGE)


def with_span(parameters: QueryDict, *, now: datetime | None = None) -> QueryDict:
    """The parameters with the chosen span as a time range, for ``LogFilters.read``."""
    if has_range(parameters):
        return parameters
    read = parameters.copy()
    span = SPANS.get(parameters.get("span", ""), SPANS[DEFAULT_SPAN])
    read["from"] = ((now or datetime.now(UTC)) - span).isoformat()
    read.pop("to", None)
    return read


def without(parameters: QueryDict, *names: str) -> QueryDict:
    rest = parameters.copy()
    for name in (*names, *POSITION):
        rest.pop(name, None)
    return rest


def url_of(parameters: QueryDict) -> str:
    return f"?{parameters.urlencode()}"


def with_values(parameters: QueryDict, **values: str) -> str:
    """The same address with these parameters set, position and all else kept."""
    changed = parameters.copy()
    for name, value in values.items():
        changed[name] = value
    return url_of(changed)


def narrowed(parameters: QueryDict, name: str, value: object) -> str:
    """The same search, narrowed to this value; empty for what cannot be filtered by."""
    if value is None or isinstance(value, dict | list):
        return ""
    changed = without(parameters)
    changed[name] = text_of(value)
    return url_of(changed)


def text_of(value: object) -> str:
    """A metadata value as people write it: strings bare, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def trace_url(trace_id: str) -> str:
    """The whole trace, over all services."""
    query = QueryDict(mutable=True)
    query.update({"trace_id": trace_id, "span": "7d"})
    return url_of(query)


def searched(parameters: QueryDict) -> QueryDict:
    """What is looked for, without where one is in it."""
    kept = without(parameters)
    for name in [name for name in kept if not any(kept.getlist(name)) or name in ("format", "page_size")]:
        del kept[name]
    return kept


def unlisted_filters(parameters: QueryDict) -> list[tuple[str, str]]:
    """The parameters in force that the filter form has no field for: it carries them along."""
    names = [name for name in parameters if name in UNLISTED or name.startswith(METADATA_PREFIX)]
    if has_range(parameters):
        names += RANGE
    return [(name, value) for name in names for value in parameters.getlist(name) if value]


def chips(parameters: QueryDict, *, labels: dict[str, str], since: Any, until: Any) -> list[FilterChip]:
    """A chip for each of them, the two ends of the range as one. ``labels`` names values: a pattern's template."""
    found = []
    for name, value in unlisted_filters(parameters):
        if name in RANGE:
            continue
        rest = without(parameters)
        rest.setlist(name, [each for each in parameters.getlist(name) if each != value])
        label = UNLISTED.get(name) or name.removeprefix(METADATA_PREFIX)
        found.append(FilterChip(label, labels.get(value, value), url_of(rest)))
    if has_range(parameters):
        found.append(FilterChip("time", "", url_of(without(parameters, *RANGE)), since, until))
    return found

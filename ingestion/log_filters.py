"""The filters of the log pages and endpoints: from a query string to a ``LogQuery``, one reading for both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from incident_center.kernel.api.problems import InvalidInput
from ingestion.levels import Level, parse_level
from ingestion.limits import FUTURE, TRACE_ID_CHARACTERS
from ingestion.logstore.port import LogQuery
from ingestion.search_syntax import (
    MOST_METADATA_FILTERS,
    NO_TERMS,
    TextTerms,
    metadata_alternatives,
    parse_text,
)

METADATA_PREFIX = "metadata."
#: Further back than any class keeps logs: what was restored from an archive is found too.
LONGEST_PAST = timedelta(days=3_660)
#: What lies beyond is taken for these: nothing is stored there, and a span may be added to them or taken away.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
MOST_BUCKETS = 2_000
INTERVALS_SECONDS = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
WANTED_BUCKETS = 60

_INTERVAL = re.compile(r"(\d{1,7})(s|m|h|d)?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class LogFilters:
    """What a person or a client asked for; times are None where they said nothing."""

    service: str = ""
    environment: str = ""
    levels: tuple[Level, ...] = ()
    minimum_level: Level | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: TextTerms = NO_TERMS
    trace_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    pattern: UUID | None = None

    @classmethod
    def read(cls, parameters: QueryDict) -> LogFilters:
        """Reads a query string.

        Raises:
            InvalidInput: names the parameter and what would be right.
        """
        levels = tuple(_level("level", text) for text in parameters.getlist("level") if text)
        minimum = parameters.get("min_level", "")
        since, until = _time(parameters, "from"), _time(parameters, "to")
        if since is not None and until is not None and since >= until:
            raise InvalidInput("from", "from must be before to.")
        try:
            text = parse_text(parameters.get("q", ""))
        except ValueError as error:
            raise InvalidInput("q", f"{error}.") from error
        return cls(
            service=_short(parameters, "service"),
            environment=_short(parameters, "environment"),
            levels=tuple(dict.fromkeys(levels)),
            minimum_level=_level("min_level", minimum) if minimum else None,
            since=since,
            until=until,
            text=text,
            trace_id=_short(parameters, "trace_id") or None,
            metadata=_metadata(parameters),
            pattern=_pattern(parameters.get("pattern", "").strip()),
        )

    def query(self, services: Mapping[int, object], *, now: datetime | None = None) -> LogQuery:
        """The question to the log store, over the given services' ids."""
        now = now or datetime.now(UTC)
        oldest, newest = now - LONGEST_PAST, now + FUTURE + timedelta(hours=1)
        return LogQuery(
            service_ids=tuple(services),
            since=max(self.since or oldest, oldest),
            until=min(self.until or newest, newest),
            levels=self.levels,
            minimum_level=self.minimum_level,
            words=self.text.words,
            excluded=self.text.excluded,
            metadata=tuple(metadata_alternatives(key, value) for key, value in self.metadata),
            trace_id=self.trace_id,
        )


def histogram_interval(text: str, span: timedelta) -> timedelta:
    """The width of a bucket: ``30s``, ``5m``, ``1h``, ``1d`` or plain seconds; a round one of about 60 when
    empty.

    Raises:
        InvalidInput: not such a text, or more than 2,000 buckets.
    """
    if not text:
        wanted = span.total_seconds() / WANTED_BUCKETS
        return timedelta(seconds=next((width for width in INTERVALS_SECONDS if width >= wanted), INTERVALS_SECONDS[-1]))
    match = _INTERVAL.fullmatch(text)
    seconds = int(match[1]) * _UNIT_SECONDS[match[2] or "s"] if match else 0
    if not 0 < seconds <= LONGEST_PAST.total_seconds():
        raise InvalidInput("interval", "Write a width such as 30s, 5m, 1h or 1d.")
    if span.total_seconds() / seconds > MOST_BUCKETS:
        raise InvalidInput("interval", f"That is more than {MOST_BUCKETS} buckets; take a wider interval.")
    return timedelta(seconds=seconds)


def _level(field: str, text: str) -> Level:
    try:
        return parse_level(text)
    except ValueError as error:
        raise InvalidInput(field, f"{error}.") from error


def _time(parameters: QueryDict, field: str) -> datetime | None:
    text = parameters.get(field, "").strip()
    if not text:
        return None
    try:
        # A + that was not escaped in the address arrives as a space.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(field, "Write a time with its offset, such as 2026-01-31T14:00:00Z.")
    return min(max(moment, EARLIEST), LATEST).astimezone(UTC)


def _short(parameters: QueryDict, field: str) -> str:
    text = parameters.get(field, "").strip()
    if len(text) > max(200, TRACE_ID_CHARACTERS) or "\0" in text:
        raise InvalidInput(field, "At most 200 characters, and no U+0000.")
    return text


def _pattern(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise InvalidInput("pattern", "Take the id of a pattern from /v1/log-patterns or from a log.") from error


def _metadata(parameters: QueryDict) -> tuple[tuple[str, str], ...]:
    pairs = [
        (name.removeprefix(METADATA_PREFIX), value)
        for name in parameters
        if name.startswith(METADATA_PREFIX)
        for value in parameters.getlist(name)
    ]
    if len(pairs) > MOST_METADATA_FILTERS:
        raise InvalidInput("metadata", f"At most {MOST_METADATA_FILTERS} metadata filters.")
    for key, value in pairs:
        try:
            metadata_alternatives(key, value)
        except ValueError as error:
            raise InvalidInput(f"{METADATA_PREFIX}{key[:60]}", f"{error}.") from error
    return tuple(pairs)

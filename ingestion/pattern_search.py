"""Which pattern a log has, and the logs that have a pattern.

Mining happens behind the stream and leaves no mark on a log: a log's pattern is the stored template that its message
fits, found again when it is read. Searching for a pattern lets the database look for the template's words, and keeps of
what it finds the logs that have the pattern.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from django.db.models import Sum

from ingestion.actions.mine_patterns import load_miner
from ingestion.levels import Level
from ingestion.log_filters import LogFilters
from ingestion.logstore import log_store
from ingestion.logstore.port import HistogramBucket, LogPosition, LogQuery, LogRecord
from ingestion.models import LogPattern, LogPatternMinute
from ingestion.patterns.masking import WILDCARD, tokens_of
from ingestion.patterns.miner import PatternMiner

#: Patterns are read again this often: a template that grew more general is known a little later.
REMEMBERED_SECONDS = 5.0
MOST_REMEMBERED_SERVICES = 200
MOST_WORDS = 8
SHORTEST_WORD = 3
#: Logs that are looked at for one page before what was found so far is all that is shown.
MOST_LOOKED_AT = 50_000

_lock = threading.Lock()
_miners: OrderedDict[int, tuple[float, PatternMiner[UUID]]] = OrderedDict()


def _miner(service_id: int) -> PatternMiner[UUID]:
    """The service's patterns, for matching only. Service ids are unique over all organizations."""
    now = time.monotonic()
    with _lock:
        known = _miners.get(service_id)
    if known is not None and known[0] > now:
        return known[1]
    miner = load_miner(service_id)
    with _lock:
        _miners[service_id] = (now + REMEMBERED_SECONDS, miner)
        _miners.move_to_end(service_id)
        while len(_miners) > MOST_REMEMBERED_SERVICES:
            _miners.popitem(last=False)
    return miner


def pattern_of(record: LogRecord) -> UUID | None:
    """The id of the log's pattern; None for one that has not been mined yet. In the organization's scope."""
    template = _miner(record.service_id).match(record.message)
    return template.id if template is not None else None


def templates_by_id(ids: Iterable[UUID]) -> dict[UUID, str]:
    return dict(LogPattern.objects.filter(pk__in=set(ids)).values_list("pk", "template"))


def search(
    query: LogQuery,
    *,
    pattern: UUID | None,
    limit: int,
    older_than: LogPosition | None = None,
    newer_than: LogPosition | None = None,
    is_patient: bool = False,
) -> list[LogRecord]:
    """``log_store().search``, of one pattern where one is given.

    Args:
        is_patient: looks on until the page is full or nothing is left, however rare the pattern is.

    Raises:
        QueryTooBroadError: it took too long.
    """
    if pattern is None:
        return log_store().search(query, limit=limit, older_than=older_than, newer_than=newer_than)
    narrowed = narrow(query, pattern)
    if narrowed is None:
        return []
    found: list[LogRecord] = []
    piece = max(limit, 200)
    for _ in count() if is_patient else range(MOST_LOOKED_AT // piece + 1):
        page = log_store().search(narrowed, limit=piece, older_than=older_than, newer_than=newer_than)
        kept = [record for record in page if pattern_of(record) == pattern]
        if newer_than is not None:
            found = kept + found
        else:
            found += kept
        if len(found) >= limit or len(page) < piece:
            break
        if newer_than is not None:
            newer_than = page[0].position
        else:
            older_than = page[-1].position
    return found[-limit:] if newer_than is not None else found[:limit]


def narrow(query: LogQuery, pattern: UUID) -> LogQuery | None:
    """The query with the pattern's service and words; None where there is no such pattern among its services."""
    row = LogPattern.objects.filter(pk=pattern).values_list("service_id", "template").first()
    if row is None or row[0] not in query.service_ids:
        return None
    words = {token.strip() for token in tokens_of(row[1]) if WILDCARD not in token}
    longest = sorted((word for word in words if len(word) >= SHORTEST_WORD), key=lambda word: (-len(word), word))
    return replace(query, service_ids=(row[0],), words=(*query.words, *longest[:MOST_WORDS]))


def pattern_histogram(filters: LogFilters, query: LogQuery, interval: timedelta) -> list[HistogramBucket]:
    """From the counts by minute where they can tell: exact but for the last seconds, which are not mined yet.

    With words, metadata or a trace beside the pattern, or in buckets of less than a minute, the logs that hold the
    pattern's words are counted: those that have it and perhaps a few more, so no bucket is called exact.
    """
    assert filters.pattern is not None
    narrowed = narrow(query, filters.pattern)
    if narrowed is None:
        return []
    is_plain = not (query.words or query.excluded or query.metadata or query.trace_id)
    if not is_plain or interval % timedelta(minutes=1):
        counted = log_store().histogram(narrowed, interval=interval)
        return [replace(bucket, is_exact=False) for bucket in counted]
    minutes = LogPatternMinute.objects.filter(
        pattern_id=filters.pattern, minute__gt=query.since - timedelta(minutes=1), minute__lt=query.until
    )
    if query.levels:
        minutes = minutes.filter(level__in=[int(level) for level in query.levels])
    if query.minimum_level is not None:
        minutes = minutes.filter(level__gte=int(query.minimum_level))
    buckets: dict[datetime, HistogramBucket] = {}
    for minute, level, logs in minutes.order_by("minute").values_list("minute", "level").annotate(Sum("count")):
        start = datetime.fromtimestamp(
            minute.timestamp() // interval.total_seconds() * interval.total_seconds(), minute.tzinfo
        )
        by_level = buckets.setdefault(start, HistogramBucket(start, {})).by_level
        by_level[Level(level)] = by_level.get(Level(level), 0) + logs
    return list(buckets.values())

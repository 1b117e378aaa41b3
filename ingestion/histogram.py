"""The histogram over a log search: which range, which width, and buckets without gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ingestion.log_filters import LogFilters, histogram_interval
from ingestion.logstore import log_store
from ingestion.logstore.port import HistogramBucket
from ingestion.pattern_search import pattern_histogram

DEFAULT_SPAN = timedelta(hours=24)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Buckets of equal width from the first that touches ``since`` to the last before ``until``."""

    since: datetime
    until: datetime
    interval: timedelta
    buckets: list[HistogramBucket]

    @property
    def is_exact(self) -> bool:
        return all(bucket.is_exact for bucket in self.buckets)


def log_histogram(filters: LogFilters, services: Mapping[int, object], *, interval: str = "") -> LogHistogram:
    """Counts the matches; the last 24 hours where the filters name no beginning.

    Raises:
        InvalidInput: the interval cannot be read, or makes too many buckets.
        QueryTooBroadError: it took too long.
    """
    now = datetime.now(UTC)
    until = filters.until or now
    since = filters.since or until - DEFAULT_SPAN
    query = replace(filters, since=since, until=until).query(services, now=now)
    width = histogram_interval(interval, query.until - query.since)
    counted = (
        pattern_histogram(filters, query, width) if filters.pattern else log_store().histogram(query, interval=width)
    )
    found = {bucket.start: bucket for bucket in counted}
    exact_after = max((bucket.start for bucket in counted if not bucket.is_exact), default=None)
    buckets = []
    start = _EPOCH + (query.since - _EPOCH) // width * width
    while start < query.until:
        buckets.append(found.get(start) or HistogramBucket(start, {}, exact_after is None or start > exact_after))
        start += width
    return LogHistogram(query.since, query.until, width, buckets)

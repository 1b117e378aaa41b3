"""The logs that a rule counts, read from the log store within the scope's organization."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from incidents.actions.incident_link_logs import LogToLink
from ingestion.limits import FUTURE
from ingestion.models import LogEntry
from ingestion.search_syntax import metadata_alternatives
from ingestion.selectors import LogMatch


@dataclass(frozen=True)
class MatchingLogs:
    """One service's logs that match, on the side of the last resolution that still matters.

    Level, service and time are read along an index; text and metadata are looked at in what is left, so no
    vetted function is needed.
    """

    service_id: int
    match: LogMatch
    after: datetime | None = None
    """Only logs that happened, and were received, after this moment: what came before is part of a problem
    that somebody has declared over. A sender's clock that runs ahead must not reopen it."""

    def timestamps(self, *, since: datetime, until: datetime, limit: int) -> list[datetime]:
        """Event times in ``[since, until)``, the newest first."""
        found = self._between(since, until).order_by("-timestamp").values_list("timestamp", flat=True)
        return list(found[:limit])

    def earliest(self, *, since: datetime, until: datetime) -> datetime | None:
        """The first event time in ``[since, until)``."""
        found = self._between(since, until).order_by("timestamp").values_list("timestamp", flat=True)
        return found.first()

    def count(
        self, *, since: datetime, received_after: datetime | None = None, received_until: datetime | None = None
    ) -> int:
        """How many happened at ``since`` or later and arrived in ``(received_after, received_until]``."""
        found = self._all().filter(timestamp__gte=since)
        if received_after is not None:
            found = found.filter(received_at__gt=received_after)
        if received_until is not None:
            found = found.filter(received_at__lte=received_until)
        return found.count()

    def ends(self, *, since: datetime, first: int, newest: int) -> list[LogToLink]:
        """The first and the newest logs that happened at ``since`` or later; some may be in it twice."""
        found = self._all().filter(timestamp__gte=since)
        rows = [*found.order_by("timestamp", "hash")[:first], *found.order_by("-timestamp", "-hash")[:newest]]
        return [_to_link(row) for row in rows]

    def _between(self, since: datetime, until: datetime) -> QuerySet[LogEntry]:
        return self._all().filter(timestamp__gte=since, timestamp__lt=until)

    def _all(self) -> QuerySet[LogEntry]:
        conditions = Q(service_id=self.service_id, level__gte=int(self.match.minimum_level))
        if self.after is not None:
            conditions &= Q(timestamp__gt=self.after, received_at__gt=self.after)
        for word in self.match.text.words:
            conditions &= Q(message__icontains=word)
        for word in self.match.text.excluded:
            conditions &= ~Q(message__icontains=word)
        for key, value in self.match.metadata:
            alternatives = Q()
            for document in metadata_alternatives(key, value):
                alternatives |= Q(metadata__contains=document)
            conditions &= alternatives
        return LogEntry.objects.filter(conditions)


def end_of_time(now: datetime) -> datetime:
    """After everything that the intake accepts: a sender's clock may run ahead, and its outage still
    counts.
    """
    return now + FUTURE + timedelta(hours=1)


def _to_link(row: LogEntry) -> LogToLink:
    return LogToLink(
        service_id=row.service_id,
        timestamp=row.timestamp,
        hash=row.hash,
        retention_days=row.retention_days,
        level=row.level,
        message=row.message,
        metadata=row.metadata,
        trace_id=row.trace_id,
    )

"""Reads, in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from incident_center.kernel.api.problems import NotFound
from ingestion.levels import Level
from ingestion.logstore.port import LogRecord, StoredLogId
from ingestion.models import DeadLetter, LogColumns, LogEntry, SavedSearch
from ingestion.search_syntax import NO_TERMS, TextTerms
from organizations.models import Service


@dataclass(frozen=True, slots=True)
class LogMatch:
    """Which logs a rule counts."""

    minimum_level: Level = Level.DEBUG
    text: TextTerms = NO_TERMS
    metadata: tuple[tuple[str, str], ...] = ()


def logs_by_ids(ids: Iterable[StoredLogId]) -> list[LogRecord]:
    """The logs that still exist, newest first."""
    wanted = Q(pk__in=[(log.service_id, log.timestamp, log.hash, log.retention_days) for log in ids])
    entries = LogEntry.objects.filter(wanted).order_by("-timestamp", "-service_id", "-hash")
    return [_record(entry) for entry in entries]


def _record(entry: LogEntry) -> LogRecord:
    return LogRecord(
        service_id=entry.service_id,
        timestamp=entry.timestamp,
        hash=entry.hash,
        retention_days=entry.retention_days,
        received_at=entry.received_at,
        level=Level(entry.level),
        message=entry.message,
        metadata=entry.metadata,
        trace_id=entry.trace_id,
    )


# ---- For people --------------------------------------------------------------------------------------------


def services_by_filter(*, service: str = "", environment: str = "") -> dict[int, Service]:
    """The organization's services, retired ones too since their logs are still there; by id, or by name in
    any case.
    """
    services = Service.objects.all()
    if environment:
        services = services.filter(environment__iexact=environment)
    if service:
        services = services.filter(_named(service))
    return {found.id: found for found in services}


def services_by_ids(ids: Iterable[int]) -> dict[int, Service]:
    """Those of them that are the organization's."""
    return Service.objects.in_bulk(list(ids))


def saved_searches(membership_id: UUID) -> list[SavedSearch]:
    """One's own and the shared ones, by name."""
    mine_or_shared = Q(membership_id=membership_id) | Q(is_shared=True)
    return list(SavedSearch.objects.filter(mine_or_shared).order_by("name", "id"))


def chosen_columns(membership_id: UUID) -> list[str]:
    """The metadata keys that the person wants to see as columns."""
    return LogColumns.objects.filter(membership_id=membership_id).values_list("columns", flat=True).first() or []


def _named(service: str) -> Q:
    by_name = Q(name__iexact=service)
    try:
        return by_name | Q(public_id=UUID(service))
    except ValueError:
        return by_name


def dead_letters(*, service_ids: Sequence[int] | None = None, replayed: bool = False) -> QuerySet[DeadLetter]:
    """Dead letters, newest first; those that wait for repair unless ``replayed``."""
    filters: dict[str, Any] = {"replayed_at__isnull": not replayed}
    if service_ids is not None:
        filters["service_id__in"] = service_ids
    return DeadLetter.objects.filter(**filters).select_related("service").order_by("-id")


def read_dead_letter(dead_letter_id: UUID) -> DeadLetter:
    """Raises NotFound where there is none, or it is another organization's."""
    letter = DeadLetter.objects.select_related("service").filter(pk=dead_letter_id).first()
    if letter is None:
        raise NotFound()
    return letter


def waiting_dead_letters() -> int:
    """How many wait for repair, counted up to 1,000."""
    return DeadLetter.objects.filter(replayed_at=None)[:1_000].count()

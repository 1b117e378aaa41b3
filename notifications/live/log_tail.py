"""Live tail: one thread per process follows the stream for all open connections.

Intake pays nothing for it: the logs are read back from the database, once for all listeners with the same filters of an
organization. The thread takes a small share of the time, so that under a flood it looks less often and leaves more out;
what it left out it counts, and each listener is told. It works while Redis is away, and over any number of processes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from django.db import DatabaseError, InterfaceError, close_old_connections

from incident_center.kernel.scope import Actor, organization_scope
from ingestion.api.serializers import log_document
from ingestion.limits import FUTURE
from ingestion.log_filters import LogFilters
from ingestion.logstore import log_store
from ingestion.logstore.port import (
    LogStoreBusyError,
    LogStoreUnavailableError,
    QueryTooBroadError,
    StreamPosition,
    TailPage,
    TailRequest,
)
from ingestion.pattern_search import narrow, pattern_of
from ingestion.selectors import services_by_filter
from organizations.access import Action, Role, allows
from organizations.models import Membership, Service

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
#: Of one processor's time, how much following may take.
SHARE = 0.03
#: ... but a listener is told at least this often how much was left out.
LONGEST_PAUSE_SECONDS = 5.0
#: Messages a second of all listeners of the process together; each gets an equal part of them.
SENDS_PER_SECOND = 1_000
#: ... but no more at a time than a person could see.
MOST_AT_ONCE = 200
LONGEST_QUEUE = 500
#: A log that happened longer ago than this is no news: the search has it.
OLDEST = timedelta(hours=24)
#: Names of services and roles of members are read again this often.
TRUSTED_SECONDS = 1.0
AWAY_SECONDS = 1.0

_encode = msgspec.json.Encoder().encode
_TAIL = Actor.system("live-tail")


@dataclass(eq=False)
class Listener:
    """One connection: what it asks for, and what waits to be sent to it."""

    organization_id: int
    user_id: UUID
    filters: LogFilters
    position: StreamPosition
    loop: asyncio.AbstractEventLoop
    waiting: deque[str] = field(default_factory=deque)
    skipped: int = 0
    is_dismissed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, messages: Sequence[str], left_out: int) -> None:
        """Queues messages; those that find no room push out the oldest. In the loop's thread."""
        self.waiting.extend(messages)
        overflow = len(self.waiting) - LONGEST_QUEUE
        for _ in range(overflow):
            self.waiting.popleft()
        self.skipped += left_out + max(0, overflow)
        self.changed.set()

    def dismiss(self) -> None:
        """Its person may not read logs any more. In the loop's thread."""
        self.is_dismissed = True
        self.changed.set()

    async def next(self) -> tuple[int, list[str]]:
        """Waits for news: how many logs were left out before them, and the messages."""
        await self.changed.wait()
        self.changed.clear()
        skipped, messages = self.skipped, list(self.waiting)
        self.skipped = 0
        self.waiting.clear()
        return skipped, messages


@dataclass
class _Known:
    """What is remembered of an organization for a second."""

    until: float
    services: dict[int, Service]
    readers: set[UUID]


class LogTail:
    """Follows the stream while somebody listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._known: dict[int, _Known] = {}
        self._budgeted_at = 0.0

    def join(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-tail", daemon=True)
                self._thread.start()

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            listeners = self._present()
            if not listeners:
                return
            pause = TICK_SECONDS
            try:
                self._tick(listeners)
            except (DatabaseError, InterfaceError, LogStoreUnavailableError, LogStoreBusyError) as error:
                logger.warning("the live tail pauses, the database is away: %s", error)
                pause = AWAY_SECONDS
            except Exception:
                logger.exception("the live tail failed; it goes on from where it was")
                pause = AWAY_SECONDS
            close_old_connections()
            cost = time.monotonic() - began
            time.sleep(max(pause, min(cost / SHARE, LONGEST_PAUSE_SECONDS)) - min(cost, pause))

    def _present(self) -> list[Listener]:
        """The listeners; with none, the thread ends and what it knew is forgotten."""
        with self._lock:
            if not self._listeners:
                self._thread = None
                self._known.clear()
            return list(self._listeners)

    def _tick(self, listeners: list[Listener]) -> None:
        now = time.monotonic()
        budget = SENDS_PER_SECOND * min(now - self._budgeted_at, 2.0)
        self._budgeted_at = now
        quota = max(1, min(MOST_AT_ONCE, int(budget / len(listeners))))
        by_organization: dict[int, list[Listener]] = {}
        for listener in listeners:
            by_organization.setdefault(listener.organization_id, []).append(listener)
        for organization_id, members in by_organization.items():
            self._follow(organization_id, members, quota)

    def _follow(self, organization_id: int, listeners: list[Listener], quota: int) -> None:
        """Reads what is new for each group of like listeners, and hands it to them."""
        with organization_scope(organization_id, actor=_TAIL):
            known = self._knowledge(organization_id, listeners)
            groups: dict[tuple[LogFilters, StreamPosition], list[Listener]] = {}
            for listener in listeners:
                if listener.user_id in known.readers:
                    groups.setdefault((listener.filters, listener.position), []).append(listener)
                else:
                    listener.loop.call_soon_threadsafe(listener.dismiss)
            requests = [_request(filters, position, known.services) for filters, position in groups]
            try:
                position, pages = log_store().tail(organization_id, requests, limit=quota)
            except QueryTooBroadError as error:
                logger.warning("%s; the next look goes over the same logs", error)
                return
            if any(record.service_id not in known.services for page in pages for record in page.records):
                known.services.update(services_by_filter())  # One that logged right after it was made.
            for (filters, _), members, page in zip(groups, groups.values(), pages, strict=True):
                _hand_out(members, _of_pattern(page, filters.pattern), position, known.services)

    def _knowledge(self, organization_id: int, listeners: Iterable[Listener]) -> _Known:
        known = self._known.get(organization_id)
        user_ids = {listener.user_id for listener in listeners}
        if known is None or known.until < time.monotonic() or not user_ids <= known.readers:
            roles = [role for role in Role if allows(role, Action.READ_LOGS)]
            readers = Membership.objects.filter(user_id__in=user_ids, is_active=True, role__in=roles)
            known = _Known(
                until=time.monotonic() + TRUSTED_SECONDS,
                services=services_by_filter(),
                readers=set(readers.filter(user__is_active=True).values_list("user_id", flat=True)),
            )
            self._known[organization_id] = known
        return known


def _request(filters: LogFilters, position: StreamPosition, services: dict[int, Service]) -> TailRequest:
    now = datetime.now(UTC)
    of_services = bool(filters.service or filters.environment)
    if of_services:
        services = services_by_filter(service=filters.service, environment=filters.environment)
    query = filters.query(services, now=now)
    query = replace(
        query,
        since=max(filters.since or now - OLDEST, now - OLDEST),
        until=min(filters.until or now + FUTURE, now + FUTURE),
    )
    if filters.pattern is not None:
        of_services, query = True, narrow(query, filters.pattern) or replace(query, service_ids=())
    return TailRequest(query, position, of_services=of_services)


def _of_pattern(page: TailPage, pattern: UUID | None) -> TailPage:
    """Only the logs of the pattern; those that were left out count, since nobody looked at them."""
    if pattern is None:
        return page
    records = [record for record in page.records if pattern_of(record) == pattern]
    return TailPage(records, page.total - len(page.records) + len(records))


def _hand_out(
    listeners: list[Listener], page: TailPage, position: StreamPosition, services: dict[int, Service]
) -> None:
    for listener in listeners:
        listener.position = position
    if not page.total:
        return
    messages = [
        _encode({"type": "log", **log_document(record, services[record.service_id])}).decode()
        for record in page.records
        if record.service_id in services
    ]
    left_out = page.total - len(messages)
    by_loop: dict[asyncio.AbstractEventLoop, list[Listener]] = {}
    for listener in listeners:
        by_loop.setdefault(listener.loop, []).append(listener)
    for loop, members in by_loop.items():
        loop.call_soon_threadsafe(_offer_all, members, messages, left_out)


def _offer_all(listeners: list[Listener], messages: list[str], left_out: int) -> None:
    for listener in listeners:
        listener.offer(messages, left_out)


log_tail = LogTail()

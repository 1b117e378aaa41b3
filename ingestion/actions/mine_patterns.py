"""Mining the patterns of an organization's new logs, each log exactly once.

A log carries the number of the transaction that stored it. All transactions below the snapshot's lower end are over, so
what lies between the last such horizon and the present one is complete and never changes. Patterns, counts and the new
horizon are committed together: a worker that dies has mined nothing of the chunk, and another one mines it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from incident_center.kernel.models import uuid7
from incident_center.kernel.scope import Actor, require_organization_id
from ingestion.models import LogPattern, PatternProgress, ServiceRelease
from ingestion.patterns.miner import PatternMiner, Template

#: Logs mined in one transaction, but for the rest of the last one's.
CHUNK = 20_000
MOST_REMEMBERED_ORGANIZATIONS = 200
SAMPLE_CHARACTERS = 1_000
VERSION_CHARACTERS = 200

_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, ingestion_this_cluster()"
_END_OF_CHUNK = """
SELECT transaction_id FROM log_entry WHERE transaction_id >= %s AND transaction_id < %s
 ORDER BY transaction_id OFFSET %s LIMIT 1
"""
_LOGS = """
SELECT service_id, "timestamp", level, message,
       coalesce(metadata ->> 'version', metadata ->> 'release', metadata ->> 'service.version',
                metadata -> 'resource' ->> 'service.version')
  FROM log_entry WHERE transaction_id >= %s AND transaction_id < %s AND received_at >= %s
 ORDER BY service_id, "timestamp", hash
"""
_PATTERN = """
INSERT INTO ingestion_logpattern AS known
       (id, organization_id, service_id, template, sample, level, count, first_seen_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE
   SET template = excluded.template, level = greatest(known.level, excluded.level),
       count = known.count + excluded.count, first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
       last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
"""
_MINUTE = """
INSERT INTO log_pattern_minute AS known (organization_id, pattern_id, minute, level, count) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (pattern_id, minute, level) DO UPDATE SET count = known.count + excluded.count
"""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Seen:
    """What one chunk adds to a pattern."""

    service_id: int
    template: Template[UUID]
    sample: str
    first: datetime
    last: datetime
    level: int = 0
    count: int = 0
    minutes: dict[tuple[datetime, int], int] = field(default_factory=dict)

    def add(self, timestamp: datetime, level: int) -> None:
        self.count += 1
        self.level = max(self.level, level)
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)
        minute = (timestamp.replace(second=0, microsecond=0), level)
        self.minutes[minute] = self.minutes.get(minute, 0) + 1


@dataclass
class _Remembered:
    """An organization's miners, good as long as nobody else mined its logs since."""

    chunks: int
    miners: dict[int, PatternMiner[UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mined:
    """What one chunk held. ``is_complete`` when nothing below ``horizon`` is left."""

    logs: int
    horizon: int
    is_complete: bool


_remembered: OrderedDict[int, _Remembered] = OrderedDict()


def mine_patterns(*, actor: Actor, chunk: int = CHUNK) -> Mined | None:
    """Mines the next chunk of the scope's organization; None where another worker is at it."""
    organization_id = require_organization_id()
    try:
        with transaction.atomic():
            return _mine(organization_id, chunk)
    except BaseException:
        _remembered.pop(organization_id, None)  # It holds what was not committed.
        raise


def _mine(organization_id: int, chunk: int) -> Mined | None:
    progress = _locked_progress()
    if progress is None:
        return None
    with connection.cursor() as cursor:
        # The newest block ranges are all that is to be read; without statistics the planner would not believe it.
        cursor.execute("SELECT set_config('enable_seqscan', 'off', true)")
        cursor.execute(_HORIZON)
        horizon, cluster = cursor.fetchone()
        received_from = _LONG_AGO
        if progress.cluster != cluster and progress.cluster:
            # Restored: the old numbers say nothing about new logs, the time of their arrival does.
            progress.horizon, received_from = 0, progress.mined_at or _LONG_AGO
        if horizon <= progress.horizon:
            return Mined(0, progress.horizon, is_complete=True)
        cursor.execute(_END_OF_CHUNK, [progress.horizon + 1, horizon, chunk])
        end = cursor.fetchone()
        until = end[0] if end and received_from == _LONG_AGO else horizon
        memory = _memory(organization_id, progress.chunks)
        seen, releases, logs = _assign(_logs(cursor, progress.horizon, until, received_from), memory)
        _store(cursor, organization_id, seen)
    _store_releases(releases)
    progress.horizon, progress.cluster = until, cluster
    progress.mined_at = datetime.now(UTC)
    progress.chunks = memory.chunks = progress.chunks + 1
    progress.save()
    return Mined(logs, until, is_complete=until == horizon)


def _locked_progress() -> PatternProgress | None:
    fresh = PatternProgress(organization_id=require_organization_id())
    if not PatternProgress.objects.exists():
        PatternProgress.objects.bulk_create([fresh], ignore_conflicts=True)
    return PatternProgress.objects.select_for_update(skip_locked=True).first()


def _logs(cursor: Any, begin: int, end: int, received_from: datetime) -> Iterator[tuple[Any, ...]]:
    cursor.execute(_LOGS, [begin, end, received_from])
    while rows := cursor.fetchmany(2_000):
        yield from rows


def _memory(organization_id: int, chunks: int) -> _Remembered:
    memory = _remembered.get(organization_id)
    if memory is None or memory.chunks != chunks:
        memory = _Remembered(chunks)
        _remembered[organization_id] = memory
        while len(_remembered) > MOST_REMEMBERED_ORGANIZATIONS:
            _remembered.popitem(last=False)
    _remembered.move_to_end(organization_id)
    return memory


def load_miner(service_id: int) -> PatternMiner[UUID]:
    """A miner that knows the service's stored patterns, oldest first as they were made."""
    known = LogPattern.objects.filter(service_id=service_id).order_by("id").values_list("id", "template")
    return PatternMiner(uuid7, known)


def _assign(
    logs: Iterator[tuple[Any, ...]], memory: _Remembered
) -> tuple[dict[UUID, _Seen], dict[tuple[int, str], datetime], int]:
    seen: dict[UUID, _Seen] = {}
    releases: dict[tuple[int, str], datetime] = {}
    count = 0
    for service_id, timestamp, level, message, version in logs:
        count += 1
        miner = memory.miners.get(service_id)
        if miner is None:
            miner = memory.miners[service_id] = load_miner(service_id)
        template = miner.assign(message)
        entry = seen.get(template.id)
        if entry is None:
            sample = message[:SAMPLE_CHARACTERS]
            entry = seen[template.id] = _Seen(service_id, template, sample, timestamp, timestamp)
        entry.add(timestamp, level)
        if version:
            release = (service_id, version[:VERSION_CHARACTERS])
            releases[release] = min(releases.get(release, timestamp), timestamp)
    return seen, releases, count


def _store(cursor: Any, organization_id: int, seen: dict[UUID, _Seen]) -> None:
    ordered = sorted(seen.items())
    cursor.executemany(
        _PATTERN,
        [
            (
                id_,
                organization_id,
                each.service_id,
                each.template.text,
                each.sample,
                each.level,
                each.count,
                each.first,
                each.last,
            )
            for id_, each in ordered
        ],
    )
    cursor.executemany(
        _MINUTE,
        [
            (organization_id, id_, minute, level, count)
            for id_, each in ordered
            for (minute, level), count in sorted(each.minutes.items())
        ],
    )


def _store_releases(releases: dict[tuple[int, str], datetime]) -> None:
    """A version named for the first time; one whose first log comes late is known from then."""
    rows = [
        ServiceRelease(
            organization_id=require_organization_id(), service_id=service_id, version=version, first_seen_at=at
        )
        for (service_id, version), at in releases.items()
    ]
    ServiceRelease.objects.bulk_create(rows, ignore_conflicts=True)


def forget_pattern_minutes(*, older_than: timedelta) -> int:
    """Drops counts that no longer can be asked for; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM log_pattern_minute WHERE minute < %s", [datetime.now(UTC) - older_than])
        return int(cursor.rowcount)

"""Keeping an incident's count of logs exact, at a bounded price.

Logs become visible in another order than they were received in, so a simple "since the last time" would
miss some. A watch therefore counts what has settled once and for all, and what is fresh anew each time; and
it remembers to look once more when the storm is over. All functions here run under the watch's lock.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import psycopg
from django.db import OperationalError, connection, transaction

from detection.matching_logs import MatchingLogs
from detection.models import DetectionRule, Watch
from incident_center.kernel.scope import Actor, require_organization_id
from incidents.actions.incident_link_logs import FIRST_KEPT, NEWEST_KEPT, incident_link_logs
from incidents.models import Incident
from incidents.selectors import merge_root
from ingestion.limits import FUTURE
from organizations.models import Service

#: A log is visible this long after it was received, at the latest: the intake has answered 503 long before.
SETTLING = timedelta(minutes=2)
#: Fresh logs that happened longer ago than this are counted when they have settled.
USUAL_DELAY = timedelta(minutes=10)
#: Counting may take this share of the time that passes, so that a flood cannot occupy the database.
COUNTING_SHARE = 0.1
#: An evaluation that takes longer is counting a flood; it looks again later by itself.
LONGEST_WAIT_MILLISECONDS = 500


def locked_watch(rule: DetectionRule, service: Service) -> Watch | None:
    """The watch of the rule over the service, locked; None where another evaluation keeps it for long."""
    watches = Watch.objects.select_for_update(no_key=True)
    if not Watch.objects.filter(rule=rule, service=service).exists():
        fresh = Watch(organization_id=require_organization_id(), rule=rule, service=service)
        Watch.objects.bulk_create([fresh], ignore_conflicts=True)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LONGEST_WAIT_MILLISECONDS}ms"])
            watch = watches.get(rule=rule, service=service)
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            return None
        raise
    watch.rule, watch.service = rule, service
    return watch


def begin_count(watch: Watch, carrier: Incident, start: datetime, after: datetime | None) -> None:
    """From now on the watch counts for this incident.

    Args:
        start: the event time of the problem's first log.
        after: when the problem was last declared over; see ``MatchingLogs.after``.
    """
    watch.incident = carrier
    watch.counted_from = start
    watch.counted_after = after
    watch.counted = 0
    watch.settled_count = 0
    # Nothing that counts was received before: by its own clock a log is at most FUTURE ahead of ours.
    watch.settled_until = start - FUTURE - timedelta(hours=1)
    watch.recount_at = None


def count(watch: Watch, logs: MatchingLogs, incident: Incident, actor: Actor, now: datetime) -> None:
    """Brings the incident's count and its sample of logs up to what is visible now.

    Args:
        incident: where the count goes; another than the watch's where that one was merged.
    """
    assert watch.counted_from is not None and watch.settled_until is not None
    began = time.monotonic()
    if now - SETTLING - watch.settled_until >= SETTLING:
        settled = now - SETTLING
        watch.settled_count += logs.count(
            since=watch.counted_from, received_after=watch.settled_until, received_until=settled
        )
        watch.settled_until = settled
    delay = USUAL_DELAY + watch.rule.threshold.window
    fresh = logs.count(since=max(watch.counted_from, watch.settled_until - delay), received_after=watch.settled_until)
    _add(watch, logs, incident, actor, watch.settled_count + fresh)
    cost = timedelta(seconds=time.monotonic() - began)
    watch.recount_at = now + cost / COUNTING_SHARE
    # Once more when all that is visible now has settled: then whatever was late is counted too.
    watch.due_at = now + 2 * SETTLING if fresh else None


def finish_count(watch: Watch, closed_at: datetime | None, actor: Actor) -> None:
    """The incident was closed: what was received until then, and not counted yet, still belongs to it."""
    if watch.due_at is None:
        return
    incident = watch.incident
    if incident is not None and watch.counted_from is not None and closed_at is not None:
        logs = MatchingLogs(watch.service_id, watch.rule.log_match, after=watch.counted_after)
        rest = logs.count(since=watch.counted_from, received_after=watch.settled_until, received_until=closed_at)
        _add(watch, logs, merge_root(incident), actor, watch.settled_count + rest)
    watch.due_at = None
    watch.save()


def _add(watch: Watch, logs: MatchingLogs, incident: Incident, actor: Actor, total: int) -> None:
    """Links what exceeds the count so far. A count never shrinks: old logs are dropped one day."""
    added = total - watch.counted
    if added <= 0:
        return
    assert watch.counted_from is not None
    sample = logs.ends(since=watch.counted_from, first=FIRST_KEPT, newest=NEWEST_KEPT)
    incident_link_logs(
        incident_id=incident.pk,
        actor=actor,
        logs=sample,
        added=added,
        since=watch.counted_from,
        until=max((log.timestamp for log in sample), default=watch.counted_from),
    )
    watch.counted = total

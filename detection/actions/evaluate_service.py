"""Looks at the stored logs of one service, and opens an incident or adds to the one that is open.

The message that woke us says nothing but "look": everything is read from the database, inside one
transaction per rule, under the lock of the rule's watch over the service. So it does not matter how often,
how late or how many at a time evaluations run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from detection.actions.count_logs import begin_count, count, finish_count, locked_watch
from detection.matching_logs import MatchingLogs, end_of_time
from detection.models import DetectionRule, Watch
from detection.rules.threshold import Breach, newest_breach
from detection.selectors import rules_for_service
from detection.wording import breach_evidence, incident_description, incident_title
from incident_center.kernel.scope import Actor
from incidents.actions.incident_open import DetectedProblem, incident_open
from incidents.actions.incident_record_occurrence import incident_record_occurrence, incident_tell_again
from incidents.lifecycle import Severity, Source
from incidents.models import Incident
from incidents.selectors import ProblemState, problem_state
from organizations.models import Service

DETECTION = Actor.system("detection")

#: How late a log may arrive and still be part of a window. A replayed spool is later: it pages nobody.
LATENESS = timedelta(minutes=10)
#: An open incident that nobody touched for this long is told again when its problem comes back.
UNTOUCHED = timedelta(minutes=30)
#: Timestamps read at a time in search of a full window.
CHUNK = 1_000


@dataclass(frozen=True)
class Evaluation:
    """What came of one rule: the incident that the logs belong to, if any, and whether it is new."""

    rule: DetectionRule
    incident: Incident | None
    opened: bool = False


def evaluate_service(*, service_id: int, actor: Actor = DETECTION) -> list[Evaluation]:
    """Evaluates every enabled rule that covers the service, each in a transaction of its own."""
    service = Service.objects.filter(pk=service_id).first()
    if service is None:
        return []
    return [_evaluate(rule, service, actor) for rule in rules_for_service(service)]


def _evaluate(rule: DetectionRule, service: Service, actor: Actor) -> Evaluation:
    with transaction.atomic():
        watch = locked_watch(rule, service)
        if watch is None:
            return Evaluation(rule, None)
        now = timezone.now()
        state = problem_state(problem_key(rule, service))
        logs = MatchingLogs(service.pk, rule.log_match, after=state.closed_at)
        if state.holder is None:
            finish_count(watch, state.closed_at, actor)
            return _look_for_breach(watch, logs, state, actor, now)
        _add_to(watch, logs, state, actor, now)
        return Evaluation(rule, state.holder)


def problem_key(rule: DetectionRule, service: Service) -> str:
    """What makes two detections one problem: the same rule over the same service."""
    return f"rule:{rule.pk}:service:{service.public_id}"


# ---- No incident is open -----------------------------------------------------------------------------------


def _look_for_breach(watch: Watch, logs: MatchingLogs, state: ProblemState, actor: Actor, now: datetime) -> Evaluation:
    rule = watch.rule
    since = now - LATENESS - rule.threshold.window
    if state.closed_at is not None:
        since = max(since, state.closed_at)
    breach = find_breach(logs, rule, since=since, until=end_of_time(now))
    if breach is None:
        return Evaluation(rule, None)
    start = start_of_run(logs, breach.first, rule.threshold.window, since)
    opened = incident_open(
        actor=actor,
        title=incident_title(rule, watch.service),
        description=incident_description(rule, watch.service, logs, start),
        severity=Severity(rule.severity),
        service=watch.service,
        problem=DetectedProblem(
            dedup_key=problem_key(rule, watch.service),
            source=Source.RULE,
            source_id=rule.pk,
            first_occurrence_at=start,
            last_occurrence_at=breach.last,
            evidence=breach_evidence(rule, breach),
        ),
    )
    begin_count(watch, opened.incident, start, state.closed_at)
    watch.last_breach_at = breach.last
    watch.untold_since = None
    count(watch, logs, opened.incident, actor, now)
    watch.save()
    return Evaluation(rule, opened.incident, opened=opened.is_new)


def find_breach(logs: MatchingLogs, rule: DetectionRule, *, since: datetime, until: datetime) -> Breach | None:
    """The newest window of ``[since, until)`` that is too full.

    Reads backwards, and stops at the first find. While it finds nothing, each full window of time holds at
    most ``count`` logs, so however large the flood was, little is read.
    """
    threshold = rule.threshold
    read: list[datetime] = logs.timestamps(since=since, until=until, limit=threshold.needed)
    while len(read) >= threshold.needed:
        breach = newest_breach(read, threshold)
        if breach is not None:
            return breach
        # Logs of the same microsecond must stay together, so the last one's are read again.
        oldest = read[-1]
        chunk = logs.timestamps(since=since, until=oldest + timedelta(microseconds=1), limit=CHUNK + threshold.needed)
        if not chunk or chunk[-1] == oldest:
            return None
        read = [moment for moment in read if moment > oldest][-threshold.needed :] + chunk
    return None


def start_of_run(logs: MatchingLogs, start: datetime, gap: timedelta, floor: datetime) -> datetime:
    """Where the problem began: backwards from ``start`` until a gap as long as the window, or the floor."""
    while start > floor:
        earlier = logs.earliest(since=max(start - gap, floor), until=start)
        if earlier is None:
            break
        start = earlier
    return start


# ---- An incident is open -----------------------------------------------------------------------------------


def _add_to(watch: Watch, logs: MatchingLogs, state: ProblemState, actor: Actor, now: datetime) -> None:
    """Counts what is new, and tells people again when the problem came back and nobody is on it."""
    assert state.holder is not None and state.carrier is not None
    if watch.recount_at is not None and now < watch.recount_at and watch.incident_id == state.carrier.pk:
        if watch.due_at is None or watch.due_at > watch.recount_at:
            watch.due_at = watch.recount_at
            watch.save()
        return
    breach = _newer_breach(watch, logs, now)
    if watch.incident_id == state.carrier.pk:
        _move_start(watch, logs, state.carrier)
    elif breach is not None:  # Reopened after another incident of this problem: counted from now on.
        floor = max(breach.first - LATENESS, logs.after or breach.first - LATENESS)
        start = start_of_run(logs, breach.first, watch.rule.threshold.window, floor)
        begin_count(watch, state.carrier, start, logs.after)
    else:
        return
    count(watch, logs, state.holder, actor, now)
    if breach is not None:
        _recur(watch, logs, state.holder, breach, actor, now)
    watch.save()


def _newer_breach(watch: Watch, logs: MatchingLogs, now: datetime) -> Breach | None:
    """A too full window whose last log is newer than that of the last one that was seen."""
    rule = watch.rule
    since = now - LATENESS - rule.threshold.window
    if watch.last_breach_at is not None:
        since = max(since, watch.last_breach_at - rule.threshold.window)
    breach = find_breach(logs, rule, since=since, until=end_of_time(now))
    if breach is None or (watch.last_breach_at is not None and breach.last <= watch.last_breach_at):
        return None
    return breach


def _move_start(watch: Watch, logs: MatchingLogs, carrier: Incident) -> None:
    """Late logs may lie before the first one that was known; then they are where the problem began."""
    assert watch.counted_from is not None
    window = watch.rule.threshold.window
    floor = max(carrier.opened_at - LATENESS - window, logs.after or carrier.opened_at - LATENESS - window)
    start = start_of_run(logs, watch.counted_from, window, floor)
    if start < watch.counted_from:
        watch.counted_from = start
        watch.settled_count = logs.count(since=start, received_until=watch.settled_until)


def _recur(watch: Watch, logs: MatchingLogs, incident: Incident, breach: Breach, actor: Actor, now: datetime) -> None:
    if _was_quiet(watch, logs, breach):
        incident_record_occurrence(incident_id=incident.pk, actor=actor, at=breach.last)
        watch.untold_since = now
    watch.last_breach_at = breach.last
    if watch.untold_since is None:
        return
    incident.refresh_from_db(fields=["touched_at"])
    if incident.touched_at >= watch.untold_since:
        watch.untold_since = None  # Somebody was at it since it came back: they know.
    elif now - incident.touched_at >= UNTOUCHED:
        evidence = breach_evidence(watch.rule, breach)
        incident_tell_again(incident_id=incident.pk, actor=actor, data=evidence)
        watch.untold_since = None


def _was_quiet(watch: Watch, logs: MatchingLogs, breach: Breach) -> bool:
    """Whether at least a whole window that was not too full lies between the last breach and this one."""
    threshold = watch.rule.threshold
    last = watch.last_breach_at
    if last is None or breach.first - last <= threshold.window:
        return False
    after = last + timedelta(microseconds=1)
    return len(logs.timestamps(since=after, until=after + threshold.window, limit=threshold.needed)) < threshold.needed

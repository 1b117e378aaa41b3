"""A year of a million incidents: each question of analytics from the daily figures, and from the incidents themselves.

``script/bench analytics [INCIDENTS]``. The incidents, with a clock each and a page for every fourth, are written by
INSERT … SELECT as the owner; counting and asking is the product's own code as the runtime role, on a warm cache.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.harness import start_installation, write_results

INCIDENTS = 1_000_000
SERVICES = 40
DAYS = 365
ROUNDS = 15
DIRECT_ROUNDS = 2
AIM_MS = 200

FILL = (
    """
INSERT INTO incidents_incident (id, organization_id, number, title, description, status, severity, priority, service_id,
  labels, source, source_id, opened_at, acknowledged_at, acknowledged_by_id, resolved_at, withdrawn_at,
  withdrawn_reason, first_occurrence_at, last_occurrence_at, touched_at, updated_at, version,
  occurrence_count, log_count, event_count, note_count)
SELECT gen_random_uuid(), %(organization)s, n, 'Payments fail', '',
       CASE WHEN n %% 10 < 9 THEN 'resolved' ELSE 'open' END,
       (ARRAY['critical', 'high', 'medium', 'low'])[n %% 4 + 1], 'P2', (%(services)s::bigint[])[n %% 40 + 1], '{}',
       'rule', (%(rules)s::uuid[])[n %% 100 + 1], opened_at,
       opened_at + interval '1 second' * (30 + 3000 * random() ^ 4),
       %(person)s, CASE WHEN n %% 10 < 9 THEN opened_at + interval '1 second' * (60 + 90000 * random() ^ 4) END,
       CASE WHEN n %% 50 = 7 THEN now() END, '', opened_at, opened_at, opened_at, opened_at, 1, 1, 0, 0, 0
  FROM generate_series(1, %(incidents)s) AS n,
       LATERAL (SELECT now() - interval '1 second' * (n * %(days)s * 86400.0 / %(incidents)s)) AS moment(opened_at)
""",
    """
INSERT INTO incidents_slaclock (id, organization_id, incident_id, policy_id, kind, name, citation, target_seconds,
  state, runs, started_at, breached_at, stopped_at, outcome, evidence)
SELECT gen_random_uuid(), organization_id, id, %(policy)s, 'response', '', '', 900, 'stopped', '[]', opened_at,
       CASE WHEN acknowledged_at > opened_at + interval '15 min' THEN opened_at + interval '15 min' END,
       acknowledged_at,
       CASE WHEN acknowledged_at > opened_at + interval '15 min' THEN 'missed' ELSE 'met' END, ''
  FROM incidents_incident
""",
    """
INSERT INTO incidents_escalation (id, organization_id, incident_id, policy, state, round, level, cause, by_hand, reason,
  started_at, stopped_at, stopped_by)
SELECT gen_random_uuid(), organization_id, id, '{}', 'stopped', 1, 1, 'opened', false, '', opened_at, acknowledged_at,
       'acknowledged'
  FROM incidents_incident WHERE number %% 4 = 0
""",
    """
INSERT INTO incidents_escalationsteprun (id, organization_id, escalation_id, round, level, due_at, at, targets, people,
  channels, urgency)
SELECT gen_random_uuid(), organization_id, id, 1, 1, started_at, started_at, '[]', jsonb_build_array(%(person)s::text),
       '[]', 'high'
  FROM incidents_escalation
""",
)
TABLES = ("incidents_incident", "incidents_slaclock", "incidents_escalation", "incidents_escalationsteprun")


@dataclass(frozen=True)
class Answer:
    """One question: the median of its rounds, in milliseconds."""

    question: str
    kept_ms: float
    direct_ms: float


def main(incidents: int = INCIDENTS) -> None:
    start_installation("incident_center.settings")
    from incident_center.kernel.scope import Actor, organization_scope
    from organizations.actions.found_organization import organization_found
    from organizations.actions.services import service_create

    owner = organization_found(
        email="analytics@example.com",
        password="correct horse battery staple",
        name="Ada",
        organization_name="Benchmark",
        by_operator=True,
    )
    actor = Actor.user(owner.user_id)
    with organization_scope(owner.organization_id, actor=actor):
        services = [service_create(actor=actor, name=f"service-{n}").pk for n in range(SERVICES)]
        began = time.perf_counter()
        fill(owner.organization_id, owner.user_id, services, incidents)
        print(f"{incidents:,} incidents written in {time.perf_counter() - began:.0f} s")
        days, seconds = roll_up()
        print(f"{days} days counted in {seconds:.1f} s: {1_000 * seconds / days:.0f} ms a day")
        answers = ask_all(services[0])
    for answer in answers:
        print(f"{answer.question:<44} {answer.kept_ms:>9,.1f} ms   direct {answer.direct_ms:>10,.0f} ms")
    slowest = max(answer.kept_ms for answer in answers)
    print(f"the slowest takes {slowest:.0f} ms; the aim is {AIM_MS} ms")
    ratios = [{"what": each.question, "faster": each.direct_ms / each.kept_ms} for each in answers]
    print(f"written to {write_results('analytics', answers, ratios)}")


def fill(organization: int, person: Any, services: list[int], incidents: int) -> None:
    """A year up to now, without the triggers that write the record of single changes."""
    import psycopg

    from incident_center.kernel.models import uuid7
    from incidents.models import SlaPolicy

    values = {
        "organization": organization,
        "person": person,
        "services": services,
        "rules": [uuid7() for _ in range(100)],
        "policy": SlaPolicy.objects.get(is_default=True).pk,
        "incidents": incidents,
        "days": DAYS,
    }
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as session:
        session.execute("SELECT set_config('app.organization_id', %s, false)", [str(organization)])
        for table, statement in zip(TABLES, FILL, strict=True):
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
            session.execute(statement, values)  # type: ignore[arg-type]
            session.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")  # type: ignore[arg-type]
            session.execute(f"VACUUM ANALYZE {table}")  # type: ignore[arg-type]


def roll_up() -> tuple[int, float]:
    """Counts every day, as the sweep does; how many days, and seconds."""
    import psycopg

    from incidents.actions.figures_roll_up import figures_roll_up

    began, days = time.perf_counter(), 0
    while counted := figures_roll_up(most_days=10):
        days += counted
    seconds = time.perf_counter() - began
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as session:
        session.execute("VACUUM ANALYZE incidents_dailyfigure")
    return days, seconds


def ask_all(service: int) -> list[Answer]:
    """The three endpoints' questions over the year, for all services and for one."""
    from django.utils import timezone

    from incidents.analytics import selectors
    from incidents.analytics.period import last_days
    from incidents.analytics.source import Choice

    year = last_days(DAYS, timezone.now(), "UTC")
    questions = {"all services": Choice(year), "one service": Choice(year, (service,))}
    functions = (selectors.summary, selectors.trends, selectors.sla_figures)
    return [
        _ask(f"{function.__name__}, a year, {words}", partial(function, choice))
        for words, choice in questions.items()
        for function in functions
    ]


def _ask(question: str, ask: Callable[[], Any]) -> Answer:
    from incidents.models import FiguresState

    ask()
    kept = _median_ms(ask, ROUNDS)
    state = FiguresState.objects.get()
    counted_by = state.timezone
    state.timezone = "not counted"
    state.save()
    direct = _median_ms(ask, DIRECT_ROUNDS)
    state.timezone = counted_by
    state.save()
    return Answer(question, kept, direct)


def _median_ms(ask: Callable[[], Any], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        taken.append(1_000 * (time.perf_counter() - began))
    return statistics.median(taken)

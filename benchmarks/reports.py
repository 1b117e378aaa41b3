"""Reports: the CSV of a million incidents beside PostgreSQL's own COPY, and the PDF of 2,000.

``script/bench reports [INCIDENTS]``, one million by default. The rows are written by INSERT … SELECT as the owner; what
is measured is the product's own code as the runtime role, under row-level security, the three ways in turns.
"""

from __future__ import annotations

import gc
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import start_installation, write_results

INCIDENTS = 1_000_000
ROUNDS = 3
PRINTED = 2_000

FILL = """
INSERT INTO incidents_incident (
  id, organization_id, number, title, description, status, severity, priority, service_id, labels, source, dedup_key,
  opened_by_id, assignee_id, acknowledged_by_id, opened_at, acknowledged_at, resolved_at, withdrawn_reason,
  first_occurrence_at, last_occurrence_at, touched_at, updated_at, version, occurrence_count, log_count, event_count,
  note_count)
SELECT gen_random_uuid(), %(organization)s, n,
       'Payments fail for ' || n %% 90 || ' %% of customers, "card declined"', repeat('It began at noon. ', n %% 8),
       'resolved', (ARRAY['critical', 'high', 'medium', 'low'])[n %% 4 + 1], 'P' || n %% 4 + 1, %(service)s, '{}',
       'rule', NULL, NULL, %(user)s, %(user)s, opened, opened + make_interval(secs => n %% 3600),
       opened + make_interval(secs => 3600 + n %% 36000), '', opened, opened, opened, opened, 1, 1, 0, 0, 0
  FROM generate_series(1, %(incidents)s) AS n,
       LATERAL (SELECT now() - make_interval(secs => (%(incidents)s - n) * 30) AS opened) AS time
"""


@dataclass(frozen=True)
class Figure:
    """One thing measured, and in what."""

    what: str
    value: float
    unit: str


def main(incidents: int = INCIDENTS) -> None:
    start_installation("incident_center.settings")
    import logging

    from incident_center.kernel.scope import Actor, organization_scope
    from organizations.actions.found_organization import organization_found
    from organizations.actions.services import service_create

    logging.disable(logging.INFO)
    owner = organization_found(
        email="reports@example.com",
        password="correct horse battery staple",
        name="Ada",
        organization_name="Benchmark",
        by_operator=True,
    )
    actor = Actor.user(owner.user_id)
    with organization_scope(owner.organization_id, actor=actor):
        service = service_create(actor=actor, name="billing", environment="production")
    fill(owner.organization_id, incidents, service=service.pk, user=owner.user_id)
    with organization_scope(owner.organization_id, actor=actor):
        figures = [Figure("incidents", incidents, "incidents"), *_spreadsheets(incidents), *_documents(owner)]
    for figure in figures:
        print(f"{figure.what:<60} {figure.value:>14,.2f} {figure.unit}")
    print(f"\nwritten to {write_results('reports', figures, [])}")


def fill(organization: int, incidents: int, **references: Any) -> None:
    """Incidents in bulk, past the triggers, which would make a timeline and a record of them."""
    import psycopg

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as session:
        session.execute("ALTER TABLE incidents_incident DISABLE TRIGGER USER")
        session.execute(FILL, {"organization": organization, "incidents": incidents, **references})
        session.execute("ALTER TABLE incidents_incident ENABLE TRIGGER USER")
        session.execute("VACUUM ANALYZE incidents_incident")


def _spreadsheets(incidents: int) -> list[Figure]:
    """Turn about, so that a busy machine is busy for both."""
    durations: dict[Callable[[], int], list[float]] = {_csv: [], _copy: []}
    sizes = {}
    _csv()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(ROUNDS):
        for way, seconds in durations.items():
            began = time.perf_counter()
            sizes[way] = way()
            seconds.append(time.perf_counter() - began)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    ours, copy = (statistics.median(each) for each in durations.values())
    return [
        Figure("CSV", sizes[_csv] / 1e6, "MB"),
        Figure("CSV, median of three", ours, "s"),
        Figure("CSV, incidents a second", incidents / ours, "incidents/s"),
        Figure("COPY … TO STDOUT of the same columns", copy, "s"),
        Figure("speed of the CSV, of COPY's", copy / ours, "ratio"),
        Figure("peak memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"),
        Figure("that grew after the first by", grown, "MiB"),
    ]


def _csv() -> int:
    from incidents.models import Incident
    from incidents.reports.spreadsheet import csv_pieces

    everything = Incident.objects.order_by("-opened_at", "-id")
    return sum(len(piece) for piece in csv_pieces(everything, with_byte_order_mark=False))


def _copy() -> int:
    """What PostgreSQL does on its own: neither our times nor our guard against formulas."""
    from django.db import connection

    from incidents.models import Incident
    from incidents.reports.spreadsheet import with_clocks

    columns = ["number", "title", "status", "severity", "priority", "service__name", "service__environment"]
    columns += ["service__team__name", "source", "assignee__name", "opened_at", "acknowledged_at"]
    columns += ["acknowledged_by__name", "mitigated_at", "resolved_at", "response__outcome", "resolution__outcome"]
    columns += ["labels", "id", "description"]
    query = with_clocks(Incident.objects.order_by("-opened_at", "-id")).values_list(*columns).query
    sql, values = query.sql_with_params()
    with connection.cursor() as cursor:
        plain = cursor.mogrify(sql, values)
        with cursor.copy(f"COPY ({plain}) TO STDOUT (FORMAT csv)") as stream:
            return sum(len(block) for block in stream)


def _documents(owner: Any) -> list[Figure]:
    from django.http import QueryDict
    from django.utils import timezone

    from incidents.reports.document import incidents_pdf
    from incidents.reports.query import ReportQuery, report_query
    from organizations.members import member_of_user

    member = member_of_user(owner.user)
    assert member is not None
    everything = report_query(member, QueryDict())
    seconds, processor = [], []
    for turn in range(ROUNDS):
        # Typst remembers what it has set once: each report is of other incidents.
        incidents = everything.incidents.filter(number__gt=turn * PRINTED, number__lte=(turn + 1) * PRINTED)
        query = ReportQuery(incidents, [], None, None)
        began, began_processor = time.perf_counter(), time.process_time()
        pdf = incidents_pdf(query, organization=member.organization, made_by="Ada", now=timezone.now())
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - began_processor)
    return [
        Figure(f"PDF of {PRINTED:,}, the first of a process", seconds[0], "s"),
        Figure("PDF of as many others, later", statistics.median(seconds[1:]), "s"),
        Figure("of the first on the processor", processor[0], "s"),
        Figure("PDF", len(pdf) / 1e6, "MB"),
    ]

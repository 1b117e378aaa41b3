"""The record: sealing and verifying millions of entries, paging through them, and what the trigger costs a write.

``script/bench audit [ENTRIES]``, ten million by default. The entries are written by INSERT … SELECT as the owner, of an
epoch that is over, so that they can be sealed at once; everything else is the product's own code as the runtime role.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks.harness import start_installation, write_results

ENTRIES = 10_000_000
AT_ONCE = 500_000
SECONDS_A_MILLION = 2_592_000  # A month for each million entries.
PAGES = 200
WRITES = 3_000
WRITERS = 10
WRITING_SECONDS = 10.0

FILL = """
INSERT INTO audit_entry (id, organization_id, at, transaction_id, epoch, actor, table_name, operation, object_id,
                         before, after)
SELECT gen_random_uuid(), %(organization)s, now() - make_interval(secs => (%(until)s - n) * 2.592),
       n / 3, 0, 'user:00000000-0000-7000-8000-' || lpad((n %% 40)::text, 12, '0'),
       (ARRAY['incidents_incident', 'organizations_service', 'detection_detectionrule', 'incidents_schedule'])
         [n %% 4 + 1],
       'update', (n %% 5000)::text,
       jsonb_build_object('status', 'open', 'assignee_id', NULL, 'severity', 'high'),
       jsonb_build_object('status', 'investigating', 'assignee_id', gen_random_uuid(), 'severity', 'critical')
  FROM generate_series(%(since)s, %(until_now)s) AS n
"""


@dataclass(frozen=True)
class Figure:
    """One thing measured, and in what."""

    what: str
    value: float
    unit: str


def main(entries: int = ENTRIES) -> None:
    start_installation("incident_center.settings")
    import logging

    from incident_center.kernel.scope import Actor, organization_scope
    from organizations.actions.found_organization import organization_found

    logging.disable(logging.INFO)  # A line for each seal.
    owner = organization_found(
        email="audit@example.com",
        password="correct horse battery staple",
        name="Ada",
        organization_name="Benchmark",
        by_operator=True,
    )
    organization = owner.organization_id
    figures = [Figure("entries", entries, "entries"), *_trigger_cost(organization)]
    fill(organization, entries)
    with organization_scope(organization, actor=Actor.user(owner.user_id)):
        figures += [*_seal(organization, entries), *_verify(organization), *_paging(entries)]
        figures += _seal_under_writers(organization)
    for figure in figures:
        print(f"{figure.what:<60} {figure.value:>14,.1f} {figure.unit}")
    print(f"\nwritten to {write_results('audit', figures, [])}")


def fill(organization: int, entries: int) -> None:
    """Entries in bulk: the indexes are made afterwards, as after a restore."""
    import psycopg

    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as session:
        indexes = session.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'audit_entry' AND indexname <> 'audit_entry_pkey'"
        ).fetchall()
        for name, _ in indexes:
            session.execute(f'DROP INDEX "{name}"')  # type: ignore[arg-type]
        for since in range(0, entries, AT_ONCE):
            until_now = min(since + AT_ONCE, entries) - 1
            keywords = {"organization": organization, "until": entries, "since": since, "until_now": until_now}
            session.execute(FILL, keywords)
        for _, definition in indexes:
            session.execute(definition)
        session.execute("VACUUM ANALYZE audit_entry")


def _seal(organization: int, entries: int) -> list[Figure]:
    from audit.actions.seal import seal_organization

    began = time.perf_counter()
    seals = seal_organization(organization)
    seconds = time.perf_counter() - began
    return [Figure("seals made", seals, "seals"), Figure("sealing", entries / seconds, "entries/s")]


def _verify(organization: int) -> list[Figure]:
    from audit.verification import verify_record

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    verdict = verify_record(organization)
    seconds = time.perf_counter() - began
    assert verdict.valid, verdict.first_invalid
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return [
        Figure("verified", verdict.entries, "entries"),
        Figure("verifying", verdict.entries / seconds, "entries/s"),
        Figure("verifying took", seconds, "s"),
        Figure("peak memory of the process grew by", grown, "MiB"),
    ]


def _paging(entries: int) -> list[Figure]:
    """Fifty entries from a random place on, with the names on them; as the page and the API read them."""
    from django.utils import timezone

    from audit import messages, selectors

    span = timedelta(seconds=entries / 1_000_000 * SECONDS_A_MILLION)
    chance = random.Random(1)
    filters: dict[str, Callable[[], dict[str, Any]]] = {
        "everything": dict,
        "one table": lambda: {"table": "organizations_service"},
        "one person": lambda: {"actor": f"user:00000000-0000-7000-8000-{chance.randrange(40):012}"},
        "one object": lambda: {"table": "incidents_incident", "object_id": str(chance.randrange(1250) * 4)},
    }
    figures = []
    for what, wanted in filters.items():
        durations = []
        for _ in range(PAGES):
            began = time.perf_counter()
            page = list(selectors.entries(until=timezone.now() - span * chance.random(), **wanted())[:50])
            names = selectors.names_for(page)
            for entry in page:
                messages.message(entry, names)
            durations.append((time.perf_counter() - began) * 1_000)
        durations.sort()
        figures.append(Figure(f"a page of {what}, p50", statistics.median(durations), "ms"))
        figures.append(Figure(f"a page of {what}, p95", durations[int(PAGES * 0.95)], "ms"))
    return figures


def _trigger_cost(organization: int) -> list[Figure]:
    """UPDATEs of one row in one transaction, with the audit trigger and without it, in turns."""
    import psycopg

    durations: dict[bool, list[float]] = {True: [], False: []}
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as session:
        session.execute(
            "INSERT INTO organizations_service (public_id, organization_id, name, environment, description, created_at)"
            " VALUES (gen_random_uuid(), %s, 'payments', 'production', '', now())",
            [organization],
        )
        for turn in range(4):
            with_trigger = turn % 2 == 0
            session.execute("SET CONSTRAINTS ALL IMMEDIATE")  # Deferred checks that wait would refuse the next line.
            session.execute(f"ALTER TABLE organizations_service {'ENABLE' if with_trigger else 'DISABLE'} TRIGGER USER")  # type: ignore[arg-type]
            for number in range(WRITES):
                began = time.perf_counter()
                session.execute("UPDATE organizations_service SET description = %s", [f"write {turn} {number}"])
                durations[with_trigger].append((time.perf_counter() - began) * 1e6)
        session.rollback()
    audited, bare = (statistics.median(durations[with_trigger]) for with_trigger in (True, False))
    return [
        Figure("an UPDATE with the audit trigger, p50", audited, "µs"),
        Figure("an UPDATE without it, p50", bare, "µs"),
        Figure("so the trigger costs", audited - bare, "µs"),
    ]


def _seal_under_writers(organization: int) -> list[Figure]:
    """Ten writers, whose every tenth transaction stays open for a while; sealed as often as it goes."""
    import psycopg
    from django.db import connection

    from audit.actions.seal import seal_organization
    from audit.models import AuditEntry
    from audit.verification import verify_record

    ends = time.monotonic() + WRITING_SECONDS
    written = [0] * WRITERS

    def write(place: int) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as session:
            session.execute("SELECT set_config('app.organization_id', %s, false)", [str(organization)])
            session.commit()
            number = 0
            while time.monotonic() < ends:
                for turn in range(3):
                    session.execute(
                        "INSERT INTO organizations_team (id, organization_id, name, description, created_at)"
                        " VALUES (gen_random_uuid(), %s, %s, '', now())",
                        [organization, f"team {place} {number} {turn}"],
                    )
                    if number % 10 == 0 and turn == 1:
                        session.execute("SELECT pg_sleep(0.3)")
                session.commit()
                number += 1
                written[place] += 3

    threads = [threading.Thread(target=write, args=[place]) for place in range(WRITERS)]
    for thread in threads:
        thread.start()
    seals = 0
    while any(thread.is_alive() for thread in threads):
        seals += seal_organization(organization)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    seal_organization(organization)
    verdict = verify_record(organization)
    assert verdict.valid, verdict.first_invalid
    entries = AuditEntry.objects.filter(table_name="organizations_team").count()
    connection.close()
    return [
        Figure("under writers: entries written", sum(written), "entries"),
        Figure("under writers: seals made meanwhile", seals, "seals"),
        Figure("under writers: entries missed", sum(written) - entries + verdict.unsealed, "entries"),
    ]

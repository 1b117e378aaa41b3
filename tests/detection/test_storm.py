"""One problem is one incident, whoever finds it first: real processes, real commits."""

import os
import time

import psycopg
import pytest

from detection.models import Watch
from detection.sweep import Sweeper
from incidents.models import Incident, IncidentLog, TimelineEvent
from ingestion.models import LogEntry
from tests.detection.storm import Storm, run
from tests.factories import make_world

STORM = Storm(processes=int(os.environ.get("STORM_PROCESSES", "4")), batches=int(os.environ.get("STORM_BATCHES", "20")))


@pytest.fixture
def world(committed_database):
    return make_world(roles=())


def test_a_storm_opens_one_incident_and_every_log_is_counted(world):
    service = world.service("payments")
    before = _deadlocks()
    started = time.monotonic()
    reports = run(STORM, organization_id=world.organization.pk, service_id=service.pk)
    seconds = time.monotonic() - started
    with world.scope():
        # On a slow machine the last look has put the next one off; it comes by itself, but not before we ask.
        Watch.objects.update(due_at=None, recount_at=None)
    Sweeper().run()  # The trailing look, which comes within five seconds by itself.
    with world.scope():
        incident = Incident.objects.get()
        assert sum(report["opened"] for report in reports) == 1
        assert incident.log_count == LogEntry.objects.filter(service_id=service.pk).count() == STORM.logs
        assert IncidentLog.objects.filter(incident=incident).count() == 50
        assert incident.occurrence_count == 1
        sequences = list(TimelineEvent.objects.order_by("sequence").values_list("sequence", flat=True))
        assert sequences == list(range(1, incident.event_count + 1))
    assert _deadlocks() == before
    slowest = max(report["slowest_seconds"] for report in reports)
    print(
        f"\n{STORM.processes} processes x {STORM.batches} batches: {STORM.logs} logs, 1 incident, {seconds:.1f} s,"
        f" slowest evaluation {slowest} s"
    )


def _deadlocks() -> int:
    with psycopg.connect(os.environ["TEST_SUPERUSER_URL"]) as connection:
        row = connection.execute("SELECT sum(deadlocks) FROM pg_stat_database").fetchone()
    return int(row[0])

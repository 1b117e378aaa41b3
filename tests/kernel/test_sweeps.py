"""Sweeps run while the broker is away, on one worker at a time, and one that fails stops no other."""

from __future__ import annotations

import os
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from incident_center.kernel import sweeps
from incident_center.kernel.scope import current_scope


@pytest.fixture
def registry(monkeypatch):
    found: dict[str, sweeps.Sweep] = {}
    monkeypatch.setattr(sweeps, "_sweeps", found)
    return found


def test_due_sweeps_run_and_wait_for_their_time(committed_database, registry):
    ran: list[str] = []
    sweeps.sweep(name="fast", every=timedelta(seconds=2))(lambda: ran.append("fast"))
    sweeps.sweep(name="slow", every=timedelta(seconds=60))(lambda: ran.append("slow"))
    loop = sweeps.SweepLoop()
    for now in (100.0, 101.0, 103.0):
        loop.run_due(now)
    assert ran == ["fast", "slow", "fast"]
    connection.close()


def test_a_failing_sweep_does_not_stop_the_next(committed_database, registry, caplog):
    ran: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    sweeps.sweep(name="broken", every=timedelta(seconds=2))(fail)
    sweeps.sweep(name="whole", every=timedelta(seconds=2))(lambda: ran.append(str(current_scope().actor)))
    sweeps.SweepLoop().run_due(1.0)
    assert ran == ["system:sweep/whole"]
    assert "sweep broken failed" in caplog.text
    connection.close()


def test_only_one_worker_sweeps(committed_database, registry):
    ran: list[str] = []
    sweeps.sweep(name="one", every=timedelta(seconds=2))(lambda: ran.append("one"))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [sweeps.ADVISORY_LOCK])
        sweeps.SweepLoop().run_due(1.0)
        assert ran == []
    sweeps.SweepLoop().run_due(1.0)
    assert ran == ["one"]
    connection.close()

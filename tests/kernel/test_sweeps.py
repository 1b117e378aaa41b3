"""Sweeps run while the broker is away, each lane in one process at a time; what fails or is slow stops no other.

Time is given, not waited for: what has to happen while something else runs is held by events.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, connections

from incident_center.kernel import sweeps
from incident_center.kernel.scope import current_scope
from incident_center.kernel.sweeps import Lane, SweepLoop
from incident_center.kernel.work_pool import WorkPool

PATIENCE = 10.0
ENDS_ITS_CONNECTION = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(autouse=True)
def registry(committed_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, sweeps.Sweep]]:
    found: dict[str, sweeps.Sweep] = {}
    monkeypatch.setattr(sweeps, "_sweeps", found)
    yield found
    connection.close()


def register(name: str, run: Callable[[], None], lane: Lane = Lane.CLOCKS, seconds: float = 2) -> None:
    sweeps.sweep(name=name, every=timedelta(seconds=seconds), lane=lane)(run)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def other_process() -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options="-c lock_timeout=10s")


def take_over(other: psycopg.Connection, lane: Lane) -> None:
    """Waits for the lane: a lock outlives the client that closed its connection by a moment."""
    other.execute("SELECT pg_advisory_lock(%s, %s)", [sweeps.LOCK_CLASS, lane])


def give_back(other: psycopg.Connection, lane: Lane) -> None:
    other.execute("SELECT pg_advisory_unlock(%s, %s)", [sweeps.LOCK_CLASS, lane])


class Standing:
    """A sweep that has begun and ends when it is told to, in a process's own loop."""

    def __init__(self, lane: Lane, *, keeps: bool = False) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        register("standing", self._stand, lane)
        self._loop = SweepLoop(lane, keeps=keeps)
        self._thread = threading.Thread(target=self._run)

    def _stand(self) -> None:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)

    def _run(self) -> None:
        try:
            self._loop.run_due(1.0)
        finally:
            connections.close_all()

    def __enter__(self) -> Standing:
        self._thread.start()
        assert self.begun.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self._thread.join(PATIENCE)


def test_due_sweeps_run_and_wait_for_their_time():
    ran: list[str] = []
    register("fast", lambda: ran.append("fast"))
    register("slow", lambda: ran.append("slow"), seconds=60)
    loop = SweepLoop(Lane.CLOCKS)
    for now in (100.0, 101.0, 103.0):
        loop.run_due(now)
    assert ran == ["fast", "slow", "fast"]


def test_a_slow_sweep_does_not_delay_another_lane():
    ran: list[str] = []
    register("clock", lambda: ran.append("clock"), Lane.CLOCKS)
    loop = SweepLoop(Lane.CLOCKS)
    with Standing(Lane.DETECTION):
        assert [loop.run_due(now) for now in (1.0, 3.0)] == [True, True]
        assert ran == ["clock", "clock"]


def test_two_processes_never_sweep_the_same_lane_at_once():
    ran: list[str] = []
    with Standing(Lane.CLOCKS):
        register("one", lambda: ran.append("one"), Lane.CLOCKS)
        register("other", lambda: ran.append("other"), Lane.BACKGROUND)
        assert SweepLoop(Lane.CLOCKS).run_due(3.0) is False
        assert SweepLoop(Lane.BACKGROUND).run_due(3.0) is True
        assert ran == ["other"]
    assert SweepLoop(Lane.CLOCKS).run_due(3.0) is True
    assert ran == ["other", "one"]


def test_who_keeps_a_lane_has_it_until_the_process_ends_and_then_another_takes_over():
    ran: list[str] = []
    register("clock", lambda: ran.append("clock"))
    keeper = SweepLoop(Lane.CLOCKS, keeps=True)
    assert keeper.run_due(1.0)
    with other_process() as other:
        trying = "SELECT pg_try_advisory_lock(%s, %s)"
        assert other.execute(trying, [sweeps.LOCK_CLASS, Lane.CLOCKS]).fetchone() == (False,)
        assert keeper.run_due(3.0)
        connection.close()  # As the end of the process does.
        take_over(other, Lane.CLOCKS)
        assert keeper.run_due(5.0) is False
        give_back(other, Lane.CLOCKS)
    assert keeper.run_due(6.0) is True
    assert len(ran) == 3


@pytest.mark.parametrize("error", [ZeroDivisionError("by a bug"), DatabaseError("of one statement")])
def test_a_failing_sweep_stops_no_other(error: Exception, caplog: pytest.LogCaptureFixture):
    ran: list[str] = []

    def fail() -> None:
        raise error

    register("broken", fail)
    register("whole", lambda: ran.append(str(current_scope().actor)))
    loop = SweepLoop(Lane.CLOCKS)
    assert loop.run_due(1.0) and loop.run_due(4.0)
    assert ran == ["system:sweep/whole"] * 2
    assert "sweep broken failed" in caplog.text


def test_a_refused_statement_stops_no_other():
    ran: list[str] = []
    register("refused", lambda: execute("SELECT FROM a_table_that_is_not_there"))
    register("whole", lambda: ran.append("whole"))
    assert SweepLoop(Lane.CLOCKS).run_due(1.0)
    assert ran == ["whole"]


def test_what_loses_the_connection_loses_the_lane_and_those_behind_it_have_the_next_turn():
    ran: list[str] = []
    register("fatal", lambda: execute(ENDS_ITS_CONNECTION))
    register("behind", lambda: ran.append("behind"))
    loop = SweepLoop(Lane.CLOCKS)
    with pytest.raises(OperationalError):
        loop.run_due(1.0)
    assert ran == []
    connection.close()
    with other_process() as other:
        take_over(other, Lane.CLOCKS)
        give_back(other, Lane.CLOCKS)
    assert loop.run_due(1.5)
    assert ran == ["behind"]


def test_the_loop_outlives_a_lost_connection_and_does_not_wait_longer_than_the_next_is_due():
    ran = threading.Event()

    def fatal_once() -> None:
        if not lost.is_set():
            lost.set()
            execute(ENDS_ITS_CONNECTION)
        ran.set()

    lost = threading.Event()
    register("fatal once", fatal_once, seconds=0.01)
    loop = SweepLoop(Lane.CLOCKS)
    loop.start()
    assert ran.wait(PATIENCE)
    loop.stop()


# ---- What sweeps hand over -------------------------------------------------------------------------------------------


def test_work_is_done_once_at_a_time_and_outside_any_scope():
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        assert may_end.wait(PATIENCE)
        done.append(current_scope().organization_id)

    pool = WorkPool("test", threads=1, most_waiting=2)
    assert pool.take("key", work)
    assert begun.wait(PATIENCE)
    assert not pool.take("key", work), "taken already"
    assert pool.take("another", lambda: done.append("another"))
    assert not pool.take("a third", work), "full"
    may_end.set()
    pool.close()
    assert done == [None, "another"]


def test_a_process_that_ends_finishes_what_is_begun_and_leaves_what_waits(monkeypatch: pytest.MonkeyPatch):
    ending, begun, may_end, done = threading.Event(), threading.Event(), threading.Event(), []
    monkeypatch.setattr("incident_center.kernel.work_pool.ending", ending)

    def work() -> None:
        begun.set()
        assert may_end.wait(PATIENCE)
        done.append("begun")

    pool = WorkPool("test", threads=1)
    assert pool.take("begun", work) and pool.take("waits", lambda: done.append("waits"))
    assert begun.wait(PATIENCE)
    ending.set()
    assert not pool.take("too late", lambda: done.append("too late"))
    may_end.set()
    pool.close()
    assert done == ["begun"]


def test_what_fails_rests_longer_each_time_and_what_succeeds_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    now, tried = 100.0, threading.Semaphore(0)
    monkeypatch.setattr("incident_center.kernel.work_pool.time.monotonic", lambda: now)
    pool = WorkPool("test", threads=1)

    def take(work: Callable[[], object]) -> bool:
        if not pool.take("key", work):
            return False
        pool.take("after it", tried.release)  # The one thread has finished it before it begins this.
        return tried.acquire(timeout=PATIENCE)

    def fail() -> None:
        raise ZeroDivisionError

    for rest in (0.5, 1.0, 2.0):
        assert take(fail)
        now += rest - 0.1
        assert not take(fail)
        now += 0.2
    assert take(lambda: None)
    assert take(fail)
    now += 0.6
    assert take(fail), "a rest begins anew"
    pool.close()

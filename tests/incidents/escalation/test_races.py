"""Eight workers at one step, an acknowledgement in between, a worker that is killed, and how late steps are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, Sweep, SweepLoop
from incidents.actions.escalation_run_steps import ESCALATION, escalation_run_due_steps
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.escalation import sweep as escalation_sweep
from incidents.models import Escalation, EscalationStepRun, TimelineEvent
from organizations.access import Role
from tests.factories import World, make_world
from tests.incidents.escalation.factories import add_engineer, escalation_of, make_policy, user_id
from tests.incidents.escalation.workers import VirtualTime, start_worker
from tests.incidents.factories import open_incident

WORKERS = 8
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(committed_database: str) -> World:
    return make_world()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS + 1) as pool:
        yield pool


def on_own_connection(function: Any, barrier: threading.Barrier) -> Any:
    barrier.wait()
    try:
        return function()
    finally:
        connections.close_all()


def kinds(world: World) -> list[str]:
    with world.scope():
        return list(TimelineEvent.objects.order_by("sequence").values_list("kind", flat=True))


def test_eight_workers_run_a_step_once(world: World, threads: ThreadPoolExecutor):
    """Fails without the claim (``select_for_update``) or without looking again, under the lock, whether it is due."""
    make_policy(world, [(5, [user_id(world, Role.ENGINEER)]), (5, [user_id(world, Role.TEAM_LEAD)])])
    with world.scope():
        incident = open_incident(world)
        escalation_id = escalation_of(incident).pk
    now, barrier = incident.opened_at + 5 * MINUTE, threading.Barrier(WORKERS)

    def work() -> bool:
        with organization_scope(world.organization.pk, actor=ESCALATION):
            return escalation_run_due_steps(escalation_id=escalation_id, now=now)

    results = [threads.submit(on_own_connection, work, barrier) for _ in range(WORKERS)]
    assert any(result.result() for result in results)
    with world.scope():
        assert list(EscalationStepRun.objects.values_list("round", "level")) == [(1, 1)]
        assert Escalation.objects.get(pk=escalation_id).next_due_at == now + 5 * MINUTE
    assert kinds(world).count("escalated") == 1


@pytest.mark.parametrize("attempt", range(3))
def test_whoever_acknowledges_meanwhile_is_the_last_to_be_heard(
    world: World, threads: ThreadPoolExecutor, attempt: int
):
    """Fails where the acknowledgement does not stop the escalation in its own transaction."""
    people = [add_engineer(world, name) for name in ("ana", "ben", "cem")]
    make_policy(world, [(5, [people[0]]), (0, [people[1]]), (0, [people[2]])])
    with world.scope():
        incident = open_incident(world)
        escalation_id = escalation_of(incident).pk
    now, barrier = incident.opened_at + 5 * MINUTE, threading.Barrier(WORKERS + 1)

    def work() -> None:
        with organization_scope(world.organization.pk, actor=ESCALATION):
            for _ in range(4):
                escalation_run_due_steps(escalation_id=escalation_id, now=now)

    def acknowledge() -> None:
        with world.scope():
            incident_acknowledge(incident_id=incident.pk, actor=world.actor)

    results = [threads.submit(on_own_connection, work, barrier) for _ in range(WORKERS)]
    results.append(threads.submit(on_own_connection, acknowledge, barrier))
    for result in results:
        result.result()
    happened = kinds(world)
    after = happened[happened.index("acknowledged") + 1 :]
    assert after == ["escalation_stopped"]
    with world.scope():
        assert Escalation.objects.get(pk=escalation_id).next_due_at is None


def test_a_step_cannot_be_written_twice(world: World):
    """The last line of defence, should a claim ever fail: the database refuses the second row."""
    make_policy(world, [(0, [user_id(world, Role.ENGINEER)])])
    with world.scope():
        open_incident(world)
        run = EscalationStepRun.objects.get()
        run.pk = UUID(int=1)
        with pytest.raises(IntegrityError, match="escalation_step_runs_once"), transaction.atomic():
            run.save(force_insert=True)


def test_a_worker_killed_in_the_middle_of_a_step_leaves_nothing_half_done(world: World):
    """Fails where the step's row, its page and the next due time are not one transaction."""
    make_policy(world, [(5, [user_id(world, Role.ENGINEER)]), (5, [user_id(world, Role.TEAM_LEAD)])])
    with world.scope():
        incident = open_incident(world)
    now = incident.opened_at + 5 * MINUTE
    victim, heir = (start_worker(VirtualTime(now)) for _ in range(2))
    victim.order(now, die=True)
    assert victim.answer() == "killed"
    with world.scope():
        assert not EscalationStepRun.objects.exists()
    heir.order(now)
    assert heir.answer() == ""
    heir.end()
    with world.scope():
        assert list(EscalationStepRun.objects.values_list("round", "level")) == [(1, 1)]
    assert kinds(world).count("escalated") == 1


def test_steps_are_late_by_less_than_two_seconds(world: World):
    """The real sweep, in real time: 40 steps that fall due within two seconds."""
    make_policy(world, [(5, [user_id(world, Role.ENGINEER)])])
    with world.scope():
        for number in range(40):
            open_incident(world, title=f"Incident {number}")
        rows = list(Escalation.objects.all())
        began = timezone.now()
        for number, escalation in enumerate(rows):
            escalation.next_due_at = began + timedelta(milliseconds=500 + 50 * number)
        Escalation.objects.bulk_update(rows, ["next_due_at"])
    only = Sweep("escalations", escalation_sweep.EVERY, escalation_sweep.run_due_escalations, Lane.CLOCKS)
    loop, finished = SweepLoop(Lane.CLOCKS), threading.Event()
    with pytest.MonkeyPatch.context() as patch, world.scope():
        patch.setattr("incident_center.kernel.sweeps.registered_sweeps", lambda lane: [only])
        loop.start()
        deadline = began + timedelta(seconds=30)
        while EscalationStepRun.objects.count() < 40 and timezone.now() < deadline:
            finished.wait(0.1)
        loop.stop()
        late = sorted((run.at - run.due_at).total_seconds() for run in EscalationStepRun.objects.all())
    assert len(late) == 40
    assert late[0] >= 0 and late[39] < 2, f"p50 {late[20]:.2f} s, at most {late[39]:.2f} s"

"""The promise of escalation under everything at once: 50 services, 200 incidents, 20 people, 3 policies.

Eight workers sweep together for 70 minutes of made time; every few minutes one is killed in the middle of a step, and
once the broker forgets everything. Whoever takes one of these safeguards away sees it fail:

===============================================  ====================================================================
without                                          what fails
===============================================  ====================================================================
the claim, which is the incident's lock          ``troubles``: workers collide by the hundred, at
                                                 ``escalation_step_runs_once``, and without that constraint at the
                                                 timeline's numbers: no step runs twice even then
the transaction that holds claim, step and page  ``troubles``, likewise
the second look, under the lock, at what is due  the delays in ``_check_steps``: steps run early
the stop in the acknowledgement's transaction    ``was told after it was acknowledged``
the last resort                                  ``told``: nobody hears where no step finds anybody
rows with a due time, found without the broker   ``kills``, lateness and ``_check_end``: nothing runs after the flush
===============================================  ====================================================================

The assertions name them again. ``test_races.py`` has the constraint, and the worker that is killed, by themselves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from incidents.models import Escalation, EscalationStepRun, Incident, SlaClock, TimelineEvent
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.escalation.factories import Unreachable, reachable_as
from tests.incidents.escalation.simulation import INCIDENTS, LAPSE_MINUTES, TICK, Simulation, began_now
from tests.incidents.escalation.workers import VirtualTime

TELLING = {"escalated", "escalation_exhausted"}
#: How late a step, a lapse or a breach may be: as long as a sweep is away, and one more for a killed worker.
BOUND = 2 * TICK


@pytest.fixture
def simulation(committed_database: str) -> Iterator[Simulation]:
    time = VirtualTime(began_now())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", time)
        world = make_world(roles=(Role.OWNER, Role.TEAM_LEAD))
        made = Simulation(world, random.Random(7), time)
        made.prepare()
        with reachable_as(Unreachable(*made.unreachable)):  # Workers are forked in here, and find it so.
            made.run()
            yield made


def test_everybody_is_reached_no_step_runs_twice_and_nobody_is_told_after_acknowledging(simulation: Simulation):
    assert simulation.troubles == []  # The claim: without it workers collide at escalation_step_runs_once.
    assert simulation.kills >= 5 and simulation.acknowledgements > INCIDENTS / 2
    with simulation.world.scope():
        events = _timelines()
        runs = _runs()
        assert Incident.objects.count() == INCIDENTS
        for incident in Incident.objects.all():
            _check_told(incident, events[incident.pk], runs)
        for escalation in Escalation.objects.all():
            breaches = [event.at for event in events[escalation.incident_id] if event.kind == "sla_breached"]
            _check_steps(escalation, runs.get(escalation.pk, []), breaches)
            _check_end(escalation, simulation)
        _check_breaches(simulation)


def _timelines() -> dict[UUID, list[TimelineEvent]]:
    found: dict[UUID, list[TimelineEvent]] = {}
    for event in TimelineEvent.objects.order_by("incident", "sequence"):
        found.setdefault(event.incident_id, []).append(event)
    return found


def _runs() -> dict[UUID, list[EscalationStepRun]]:
    found: dict[UUID, list[EscalationStepRun]] = {}
    for run in EscalationStepRun.objects.order_by("at", "id"):
        found.setdefault(run.escalation_id, []).append(run)
    return found


def _check_told(incident: Incident, events: list[TimelineEvent], runs: dict[UUID, list[EscalationStepRun]]) -> None:
    told = [event for event in events if event.kind in TELLING and event.data["people"]]
    # The last resort: without it nobody hears of the incidents whose policy names only the unreachable.
    assert told and told[0].at - incident.opened_at <= timedelta(minutes=2) + BOUND, incident.reference
    # One transaction: without it a killed worker leaves a step that ran and told nobody.
    steps = [run for escalation in incident.escalations.all() for run in runs.get(escalation.pk, []) if run.people]
    assert len(told) == len(steps), incident.reference
    # The stop in the transaction of the acknowledgement, and the lock that both take.
    has_it = False
    for event in events:
        if event.kind == "acknowledged" or event.data.get("to") == "resolved":
            has_it = True
        elif event.kind == "acknowledgement_timed_out" or event.data.get("from") == "resolved":
            has_it = False
        assert not (has_it and event.kind in TELLING), f"{incident.reference} was told after it was acknowledged"


def _check_steps(escalation: Escalation, runs: list[EscalationStepRun], breaches: list[datetime]) -> None:
    """Each step once, in order, never early unless a breach brings it forward, and late by no more than the bound."""
    plan = escalation.plan
    # Looking again under the lock: without it a worker with an old list runs the next step early.
    steps = [run for run in runs if run.level > 0 or run.round > plan.rounds]
    positions = [(run.round, run.level) for run in steps]
    wanted: list[Any] = [(r, n) for r in range(1, plan.rounds + 1) for n in range(1, len(plan.steps) + 1)]
    assert positions == [*wanted, (plan.rounds + 1, 0)][: len(positions)]
    for before, after in pairwise(steps):
        is_hastened = any(before.at <= breach <= after.at for breach in breaches)
        if before.people and after.level > 1 and not is_hastened:
            assert after.at - before.at >= plan.steps[after.level - 1].delay, escalation
    # Rows with a due time, not messages: what hung on the flushed broker would come late or never.
    assert all(timedelta(0) <= run.at - run.due_at <= BOUND for run in runs)


def _check_end(escalation: Escalation, simulation: Simulation) -> None:
    """Nothing stops silently: whatever is over has a reason, whatever is not has a time to come."""
    if escalation.is_running:
        assert escalation.next_due_at is not None and escalation.next_due_at > simulation.time.now - BOUND
    else:
        assert escalation.stopped_by
    lapses_at = escalation.acknowledgement_expires_at
    assert lapses_at is None or lapses_at > simulation.time.now - BOUND
    if escalation.cause == Escalation.Cause.ACKNOWLEDGEMENT_TIMED_OUT:
        before = Escalation.objects.filter(incident=escalation.incident_id, started_at__lt=escalation.started_at)
        acknowledged_at = before.latest("started_at", "id").stopped_at
        assert acknowledged_at is not None
        assert escalation.started_at - acknowledged_at >= timedelta(minutes=LAPSE_MINUTES)


def _check_breaches(simulation: Simulation) -> None:
    """Service levels are kept by the same workers: no breach is entered late, and none is missing."""
    overdue = SlaClock.objects.filter(due_at__lt=simulation.time.now - BOUND, state=SlaClock.State.RUNNING)
    assert not overdue.filter(breached_at=None).exists()
    due = dict(SlaClock.objects.exclude(breached_at=None).values_list("pk", "breached_at"))
    assert due
    for event in TimelineEvent.objects.filter(kind="sla_breached"):
        clock = UUID(event.data["clock"])
        assert clock not in due or event.at - due[clock] <= BOUND

"""An hour of an organization's nights in half a minute: incidents, people, workers that die, a broker that forgets.

50 services, 200 incidents, 20 people, 3 policies, 8 worker processes. Time is made by the simulation: at each tick all
workers sweep at once while people act. What came of it, the database says afterwards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import redis
from django.conf import settings
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_open import incident_open
from incidents.escalation.service_field import service_set_escalation_policy
from incidents.lifecycle import Severity, Status
from incidents.models import EscalationPolicy, EscalationStepRun, Incident
from organizations.models import Service
from tests.factories import World
from tests.incidents.escalation.factories import add_engineer, make_policy
from tests.incidents.escalation.workers import VirtualTime, Worker, start_worker

TICK = timedelta(minutes=1)
TICKS = 70
SERVICES, INCIDENTS, PEOPLE, WORKERS = 50, 200, 20, 8
OPENING_TICKS = 30
KILL_EVERY, FLUSH_AT = 6, 25
LAPSE_MINUTES = 20


@dataclass
class Simulation:
    """What happened beside what the database has."""

    world: World
    random: random.Random
    time: VirtualTime
    people: list[UUID] = field(default_factory=list)
    unreachable: set[UUID] = field(default_factory=set)
    policies: list[EscalationPolicy] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    kills: int = 0
    acknowledgements: int = 0

    def run(self) -> None:
        """Goes through all ticks."""
        self.workers = [start_worker(self.time) for _ in range(WORKERS)]
        began = self.time.now
        for tick in range(1, TICKS + 1):
            self.time.now = began + tick * TICK
            self._sweep_while_people_act(tick)
            if tick == FLUSH_AT:
                redis.Redis.from_url(settings.REDIS_URL).flushall()
        for worker in self.workers:
            worker.end()

    def prepare(self) -> None:
        """One policy of people, one that repeats and lapses, and one all of whose people cannot be reached."""
        world = self.world
        self.people = [add_engineer(world, f"Person {number}") for number in range(PEOPLE)]
        self.unreachable = set(self.people[-3:])
        first, second = self.people[:8], self.people[8:17]
        self.policies = [
            make_policy(world, [(0, first[:2]), (5, first[2:4]), (5, first[4:])], name="People", is_default=True),
            make_policy(
                world,
                [(0, second[:1]), (3, [*second[1:3], self.people[-1]]), (7, second[3:])],
                name="Again and again",
                is_default=False,
                repeat_count=2,
                repeat_delay_minutes=4,
                acknowledgement_timeout_minutes=LAPSE_MINUTES,
            ),
            make_policy(world, [(2, [each]) for each in self.people[-3:]], name="Nobody there", is_default=False),
        ]
        self.services = [world.service(f"service {number}") for number in range(SERVICES)]
        with world.scope():
            for number, service in enumerate(self.services):
                if (policy := self.policies[number % 3]) is not self.policies[0]:
                    service_set_escalation_policy(service, policy.pk, world.actor)

    def _sweep_while_people_act(self, tick: int) -> None:
        if tick % KILL_EVERY == 0:
            self._kill(self.random.randrange(WORKERS))
        for worker in self.workers:
            worker.order(self.time.now)
        with self.world.scope():
            self._open(tick)
            self._acknowledge()
            self._resolve_and_reopen(tick)
        answers = [worker.answer() for worker in self.workers]
        self.troubles += [answer for answer in answers if answer]

    def _kill(self, number: int) -> None:
        """Before the others, so that there is something due at which the worker can die."""
        worker = self.workers[number]
        worker.order(self.time.now, die=True)
        if worker.answer() == "killed":
            self.kills += 1
            self.workers[number] = start_worker(self.time)

    # ---- What people do ------------------------------------------------------------------------------------

    def _open(self, tick: int) -> None:
        if tick > OPENING_TICKS:
            return
        for number in range((tick - 1) * INCIDENTS // OPENING_TICKS, tick * INCIDENTS // OPENING_TICKS):
            incident_open(
                actor=Actor.system("detection"),
                title=f"Incident {number}",
                severity=self.random.choice(list(Severity)),
                service=self.services[number % SERVICES],
            )

    def _acknowledge(self) -> None:
        """One in twelve of those who were told last answers within a tick."""
        runs = EscalationStepRun.objects.exclude(people=[]).select_related("escalation").order_by("at", "id")
        told = {run.escalation.incident_id: run.people for run in runs}
        for incident in Incident.objects.filter(acknowledged_at=None, resolved_at=None).order_by("number"):
            if incident.pk not in told or self.random.random() > 0.08:
                continue
            actor = Actor.user(UUID(self.random.choice(told[incident.pk])))
            try:
                incident_acknowledge(incident_id=incident.pk, actor=actor)
                self.acknowledgements += 1
            except Conflict:
                continue

    def _resolve_and_reopen(self, tick: int) -> None:
        worked_on = Incident.objects.exclude(acknowledged_at=None).filter(resolved_at=None).order_by("number")
        for incident in list(worked_on)[:1]:
            self._move(incident, Status.RESOLVED)
        if tick % 10 == 0:
            resolved = Incident.objects.exclude(resolved_at=None).order_by("number").first()
            if resolved is not None:
                self._move(resolved, Status.INVESTIGATING)

    def _move(self, incident: Incident, status: Status) -> None:
        try:
            incident_change_status(incident_id=incident.pk, actor=self.world.actor, status=status, reason="It is back.")
        except Conflict:
            return


def began_now() -> datetime:
    return timezone.now().replace(microsecond=0)

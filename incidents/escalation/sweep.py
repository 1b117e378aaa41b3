"""What is due of the escalations of all organizations: found four times a second, done on threads of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool
from incidents.actions.acknowledgement_expire import acknowledgement_expire
from incidents.actions.escalation_run_steps import ESCALATION, escalation_run_due_steps
from incidents.escalation.selectors import DueEscalation, due_escalations

EVERY = timedelta(seconds=0.25)
THREADS = 4
#: Few, since who is found first goes first, and each organization is found in its turn.
MOST_WAITING = 8 * THREADS
MOST_AT_ONCE = 500
#: Somebody who works on the incident at this very moment holds its lock for milliseconds.
ATTEMPTS = 3
SECONDS_BETWEEN_ATTEMPTS = 0.05

Clock = Callable[[], datetime]


def advance(due: DueEscalation, clock: Clock = timezone.now, attempts: int = ATTEMPTS) -> None:
    """Does what is due of one escalation; what another worker has is left to it, or to the next sweep."""
    with organization_scope(due.organization_id, actor=ESCALATION):
        for action in (escalation_run_due_steps, acknowledgement_expire):
            for attempt in range(attempts):
                if attempt:
                    time.sleep(SECONDS_BETWEEN_ATTEMPTS)
                if action(escalation_id=due.escalation_id, now=clock()):
                    break


pool = WorkPool("escalations", threads=THREADS, most_waiting=MOST_WAITING)


@sweep(name="escalations", every=EVERY, lane=Lane.CLOCKS)
def run_due_escalations() -> None:
    for due in due_escalations(MOST_AT_ONCE, timezone.now()):
        pool.take(due.escalation_id, partial(advance, due))

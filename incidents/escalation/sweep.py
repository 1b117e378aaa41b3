"""What is due of the escalations of all organizations, found every second and done on threads of this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.db import close_old_connections
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import sweep
from incidents.actions.acknowledgement_expire import acknowledgement_expire
from incidents.actions.escalation_run_steps import ESCALATION, escalation_run_due_steps
from incidents.escalation.selectors import DueEscalation, due_escalations

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)
THREADS = 4
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


class EscalationPool:
    """Advances due escalations on threads, each once at a time: one that waits does not hold up the others."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="escalation")
        self._in_flight: set[UUID] = set()
        self._lock = threading.Lock()

    def take(self, due: DueEscalation) -> None:
        with self._lock:
            if due.escalation_id in self._in_flight:
                return
            self._in_flight.add(due.escalation_id)
        self._threads.submit(self._run, due)

    def _run(self, due: DueEscalation) -> None:
        try:
            advance(due)
        except Exception:
            logger.exception("escalation %s was not advanced; the next sweep tries again", due.escalation_id)
        finally:
            close_old_connections()
            with self._lock:
                self._in_flight.discard(due.escalation_id)


pool = EscalationPool()


@sweep(name="escalations", every=EVERY)
def run_due_escalations() -> None:
    for due in due_escalations(MOST_AT_ONCE, timezone.now()):
        pool.take(due)

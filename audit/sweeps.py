"""What happens to the record without anyone asking: it is sealed each minute, and verified when that was asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections, connection

from audit.actions.seal import seal_everything
from audit.actions.verification_run import verification_run
from incident_center.kernel.scope import Actor, no_scope, organization_scope
from incident_center.kernel.sweeps import sweep

logger = logging.getLogger(__name__)

ACTOR = Actor.system("audit")


class Background:
    """Threads of this process for what may take minutes; the same thing only once at a time."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="audit")
        self._running: set[object] = set()
        self._lock = threading.Lock()

    def start(self, name: object, work: Callable[[], object]) -> None:
        with self._lock:
            if name in self._running:
                return
            self._running.add(name)
        self._threads.submit(self._run, name, work)

    def _run(self, name: object, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            logger.exception("%s was not finished; the next sweep begins it again", name)
        finally:
            close_old_connections()
            with self._lock:
                self._running.discard(name)


background = Background()


@sweep(name="audit seals", every=timedelta(minutes=1))
def seal() -> None:
    background.start("sealing", seal_everything)


@sweep(name="audit verifications", every=timedelta(seconds=1))
def verify() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, verification_id FROM audit_verifications_due()")
        due = cursor.fetchall()
    for organization_id, verification_id in due:
        background.start(verification_id, lambda o=organization_id, v=verification_id: _verify(o, v))  # type: ignore[misc]


def _verify(organization_id: int, verification_id: UUID) -> None:
    with no_scope(), organization_scope(organization_id, actor=ACTOR):
        verification_run(verification_id=verification_id)

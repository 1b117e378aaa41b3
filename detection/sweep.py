"""The net under the wake-up calls: no log goes unseen because a message was lost."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from detection.actions.evaluate_service import DETECTION, LATENESS, evaluate_service
from detection.selectors import services_to_evaluate
from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
#: A log is looked at again this long after it was received: it may have become visible late.
OVERLAP = timedelta(seconds=20)
#: How far the first sweep of a process looks back: what is older would page nobody anyway.
FIRST_LOOK = LATENESS + timedelta(minutes=5)


class Sweeper:
    """Remembers how far this process has swept. Another one that takes over looks back further, which is no
    harm.
    """

    def __init__(self) -> None:
        self._swept_until: datetime | None = None

    def run(self) -> int:
        """Evaluates every service that may need it; how many."""
        began = timezone.now()
        since = began - FIRST_LOOK if self._swept_until is None else self._swept_until - OVERLAP
        services = services_to_evaluate(received_since=max(since, began - FIRST_LOOK))
        has_failed = False
        for service in services:
            try:
                with organization_scope(service.organization_id, actor=DETECTION):
                    evaluate_service(service_id=service.service_id)
            except (OperationalError, InterfaceError):
                raise  # The database is away, for the others too.
            except Exception:  # One service's trouble must not keep the others from being looked at.
                has_failed = True
                logger.exception("service %s could not be evaluated; it is looked at again", service.service_id)
        if not has_failed:
            self._swept_until = began
        return len(services)


sweeper = Sweeper()


@sweep(name="detection", every=EVERY, lane=Lane.DETECTION)
def sweep_detection() -> None:
    sweeper.run()

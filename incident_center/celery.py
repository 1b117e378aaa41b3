"""The Celery application: ``celery -A incident_center worker``."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")

from incident_center.kernel.tasks import ScopedTask

app = Celery("incident_center", task_cls=ScopedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


#: Seconds after which a thread that computes lets another have the interpreter. Each answer of the database needs it
#: again, and with the default of 0.005 a step of twenty queries beside a busy thread takes a tenth of a second longer.
SWITCH_INTERVAL = 0.0005


@signals.worker_init.connect  # And not worker_ready, which waits for a broker that may be away.
def start_sweeps(sender: Any = None, **_: Any) -> None:
    """The ordinary workers sweep; the maintenance worker, which owns the database, does not serve organizations."""
    from django.conf import settings

    from incident_center.kernel.sweeps import Lane, SweepLoop

    if settings.DATABASE_AS == "runtime":
        _refuse_unsafe_role()
        sys.setswitchinterval(SWITCH_INTERVAL)
        for lane in Lane:
            SweepLoop(lane).start()


@signals.worker_shutting_down.connect
def leave_what_waits(**_: Any) -> None:
    """A worker that is asked to end waits for what its threads do, and not for what waits behind it."""
    from incident_center.kernel.work_pool import ending

    ending.set()


@signals.beat_init.connect
def keep_clocks(sender: Any = None, **_: Any) -> None:
    """Beat computes nothing that could keep its threads waiting, so it has the clocks; workers stand by for it."""
    import django

    django.setup()
    from incident_center.kernel.sweeps import Lane, SweepLoop

    _refuse_unsafe_role()
    sys.setswitchinterval(SWITCH_INTERVAL)
    SweepLoop(Lane.CLOCKS, keeps=True).start()


def _refuse_unsafe_role() -> None:
    """Celery logs what a handler raises and goes on; only SystemExit ends the process."""
    from django.db import OperationalError

    from incident_center.kernel.database.privileges import UnsafeDatabaseRoleError, refuse_unsafe_role

    try:
        refuse_unsafe_role()
    except (UnsafeDatabaseRoleError, OperationalError) as error:
        raise SystemExit(f"Refused to start: {error}.") from error

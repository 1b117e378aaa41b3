"""The Celery application: ``celery -A incident_center worker``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")

from incident_center.kernel.tasks import ScopedTask

app = Celery("incident_center", task_cls=ScopedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_init.connect  # And not worker_ready, which waits for a broker that may be away.
def start_sweeps(sender: Any = None, **_: Any) -> None:
    """The ordinary workers sweep; the maintenance worker, which owns the database, does not serve organizations."""
    from django.conf import settings
    from django.db import OperationalError

    from incident_center.kernel.database.privileges import UnsafeDatabaseRoleError, refuse_unsafe_role
    from incident_center.kernel.sweeps import SweepLoop

    if settings.DATABASE_AS == "runtime":
        try:
            refuse_unsafe_role()
        except (UnsafeDatabaseRoleError, OperationalError) as error:
            # Celery logs what a handler raises and goes on; only this ends the worker.
            raise SystemExit(f"Refused to start: {error}.") from error
        SweepLoop().start()

"""Makes reports that were asked for, and removes those whose time is up, over all organizations."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connection

from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool
from incidents.actions.report_files import report_file_make, report_file_remove

ACTOR = Actor.system("reports")
#: One at a time in each worker: a report may take minutes, and sweeps must not wait for it.
pool = WorkPool("reports", threads=1)


@sweep(name="reports", every=timedelta(seconds=2), lane=Lane.BACKGROUND)
def make_due_reports() -> None:
    for organization_id, file_id, is_expired in _due():
        if is_expired:
            with organization_scope(organization_id, actor=ACTOR):
                report_file_remove(file_id=file_id)
        else:
            pool.take(file_id, partial(_make, organization_id, file_id))


def _make(organization_id: int, file_id: UUID) -> None:
    with organization_scope(organization_id, actor=ACTOR):
        report_file_make(file_id=file_id)


def _due() -> list[tuple[int, UUID, bool]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, file_id, is_expired FROM report_files_due()")
        return cursor.fetchall()

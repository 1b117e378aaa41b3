"""What happens to the record without anyone asking: it is sealed each minute, and verified when that was asked for."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connection

from audit.actions.seal import seal_everything
from audit.actions.verification_run import verification_run
from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool

ACTOR = Actor.system("audit")
pool = WorkPool("audit", threads=2)


@sweep(name="audit seals", every=timedelta(minutes=1), lane=Lane.BACKGROUND)
def seal() -> None:
    pool.take("sealing", seal_everything)


@sweep(name="audit verifications", every=timedelta(seconds=1), lane=Lane.BACKGROUND)
def verify() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, verification_id FROM audit_verifications_due()")
        due = cursor.fetchall()
    for organization_id, verification_id in due:
        pool.take(verification_id, partial(_verify, organization_id, verification_id))


def _verify(organization_id: int, verification_id: UUID) -> None:
    with organization_scope(organization_id, actor=ACTOR):
        verification_run(verification_id=verification_id)

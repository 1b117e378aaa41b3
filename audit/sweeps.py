"""What happens to the record without anyone asking: it is sealed each minute, and verified each day."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit.actions.seal import seal_everything
from audit.actions.verification_request import verification_plan
from audit.actions.verification_run import verification_run
from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool

ACTOR = Actor.system("audit")
VERIFIED_EVERY = timedelta(days=1)
MOST_PLANNED = 20
#: Sealing never waits for verifications, which may take minutes.
sealing = WorkPool("audit-sealing", threads=1)
verifying = WorkPool("audit-verifying", threads=2)


@sweep(name="audit seals", every=timedelta(minutes=1), lane=Lane.BACKGROUND)
def seal() -> None:
    sealing.take("sealing", seal_everything)


@sweep(name="audit verifications", every=timedelta(seconds=1), lane=Lane.BACKGROUND)
def verify() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, verification_id FROM audit_verifications_due()")
        due = cursor.fetchall()
    for organization_id, verification_id in due:
        verifying.take(verification_id, partial(_verify, organization_id, verification_id))


@sweep(name="daily audit verifications", every=timedelta(minutes=1), lane=Lane.BACKGROUND)
def plan_verifications() -> None:
    """Each record is verified once a day, counted from the last time, a few of them each minute."""
    with connection.cursor() as cursor:
        since = timezone.now() - VERIFIED_EVERY
        cursor.execute("SELECT organization_id FROM audit_organizations_to_verify(%s, %s)", [since, MOST_PLANNED])
        waiting = [row[0] for row in cursor.fetchall()]
    for organization_id in waiting:
        with organization_scope(organization_id, actor=ACTOR):
            verification_plan(actor=ACTOR)


def _verify(organization_id: int, verification_id: UUID) -> None:
    with organization_scope(organization_id, actor=ACTOR):
        verification_run(verification_id=verification_id)

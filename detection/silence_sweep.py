"""Silences that begin or end: carried out within a second, whoever made them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.utils import timezone

from detection.actions.silence_apply import silence_apply
from detection.actions.silence_follow import SILENCES
from detection.silences.selectors import silences_due
from incident_center.kernel.scope import organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incident_center.kernel.work_pool import WorkPool

# A silence over hundreds of open incidents takes seconds.
pool = WorkPool("silences", threads=2)


def carry_out(organization_id: int, silence_id: UUID) -> None:
    with organization_scope(organization_id, actor=SILENCES):
        silence_apply(silence_id=silence_id)


@sweep(name="silences", every=timedelta(seconds=1), lane=Lane.CLOCKS)
def sweep_silences() -> None:
    for organization_id, silence_id in silences_due(timezone.now()):
        pool.take(silence_id, partial(carry_out, organization_id, silence_id))

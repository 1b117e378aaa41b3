"""Verifying an organization's record, and keeping what was found for the page to show."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.actions.access_record import access_record
from audit.actions.seal import seal_organization
from audit.events import ChainBroken, chain_broken
from audit.models import AccessKind, AuditVerification
from audit.selectors import last_verification
from audit.verification import Verdict, verify_record
from incident_center.kernel.scope import Actor, require_organization_id

logger = logging.getLogger(__name__)

#: A worker says at least this often that it is still at it; one that has not said so for the lease is dead.
SAY_SO_SECONDS = 0.5
LEASE = timedelta(seconds=60)


def verification_run(*, verification_id: UUID) -> Verdict | None:
    """Does what was requested; None where another worker has it. In the scope of the organization."""
    now = timezone.now()
    claimable = Q(claimed_until=None) | Q(claimed_until__lt=now)
    claimed = AuditVerification.objects.filter(claimable, pk=verification_id, finished_at=None).update(
        claimed_until=now + LEASE
    )
    return _verify(verification_id) if claimed else None


def record_verify(*, actor: Actor) -> Verdict:
    """Seals what can be sealed, and verifies at once, while the caller waits."""
    access_record(actor=actor, kind=AccessKind.VERIFIED, subject="the audit log")
    row = AuditVerification.objects.create(requested_by=str(actor), claimed_until=timezone.now() + LEASE)
    return _verify(row.pk)


def _verify(verification_id: UUID) -> Verdict:
    organization_id = require_organization_id()
    seal_organization(organization_id)
    row = AuditVerification.objects.filter(pk=verification_id)
    said_at = 0.0

    def say_so(checked: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= SAY_SO_SECONDS:
            row.update(checked=checked, claimed_until=timezone.now() + LEASE)
            said_at = time.monotonic()

    verdict = verify_record(organization_id, progress=say_so)
    _keep(row.get(), verdict)
    return verdict


def _keep(row: AuditVerification, verdict: Verdict) -> None:
    """Keeps what was found; a fault that was not known is announced."""
    fault = verdict.first_invalid.as_dict() if verdict.first_invalid else None
    row.finished_at, row.valid, row.first_invalid = timezone.now(), verdict.valid, fault
    row.checked = row.entries = verdict.entries
    row.seals, row.unsealed, row.sealed_until = verdict.seals, verdict.unsealed, verdict.sealed_until
    with transaction.atomic():
        before = last_verification()
        row.save()
        if fault is not None:
            logger.critical("the audit log is not intact", extra={"fields": {"fault": fault}})
            if before is None or _place(before.first_invalid) != _place(fault):
                chain_broken.emit(ChainBroken(row))


def _place(fault: dict[str, Any] | None) -> Any:
    """What makes it the same fault at each verification; its words may hold a time."""
    return fault and (fault["kind"], fault["seal"], fault["entry"])

"""Asking for a verification; a worker does it."""

from __future__ import annotations

from audit.actions.access_record import access_record
from audit.models import AccessKind, AuditVerification
from incident_center.kernel.scope import Actor


def verification_plan(*, actor: Actor) -> AuditVerification:
    """The daily verification, which nobody asked for; a worker does it."""
    return AuditVerification.objects.create(requested_by=str(actor))


def verification_request(*, actor: Actor) -> AuditVerification:
    """The verification that is due or under way, or else a new one."""
    waiting = AuditVerification.objects.filter(finished_at=None).order_by("requested_at").first()
    if waiting is None or waiting.requested_by != str(actor):
        access_record(actor=actor, kind=AccessKind.VERIFIED, subject="the audit log")
    return waiting or AuditVerification.objects.create(requested_by=str(actor))

"""Looks at the record and exports are part of the record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit.models import AccessKind, AuditAccess
from incident_center.kernel.scope import Actor

#: Turning pages, or looking again at the same, is one look.
SAME_LOOK = timedelta(minutes=10)


def access_record(*, actor: Actor, kind: AccessKind, subject: str, filters: dict[str, Any] | None = None) -> None:
    """Puts it on the record that the actor read, verified or took something, narrowed down by ``filters``."""
    now = timezone.now()
    look = {"kind": kind, "actor": str(actor), "subject": subject[:300], "filters": filters or {}}
    if kind is AccessKind.READ and AuditAccess.objects.filter(**look, at__gt=now - SAME_LOOK).exists():
        return
    AuditAccess.objects.create(**look, at=now)

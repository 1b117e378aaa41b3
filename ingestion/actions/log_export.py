"""Leaving a trace of a download before its first byte."""

from __future__ import annotations

from uuid import UUID

from incident_center.kernel.scope import Actor
from ingestion.models import LogExport


def log_export_begin(*, actor: Actor, membership_id: UUID, form: LogExport.Form, query: str) -> LogExport:
    """Records who downloads the matches of ``query`` and in which form; the audit log tells of it."""
    return LogExport.objects.create(membership_id=membership_id, form=form, query=query)

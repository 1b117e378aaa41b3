"""What people keep of the log explorer: searches, columns, and the trace that a download leaves."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference


class SavedSearch(OrganizationOwned):
    """A search under a name, for its maker or, shared, for everyone who reads logs."""

    membership = reference("organizations.Membership", on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    # As in the address: "service=payments&min_level=ERROR&span=1h".
    query = models.TextField(blank=True)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            *owned("saved_search"),
            SameOrganization(name="saved_search_membership", field="membership"),
            models.UniqueConstraint(fields=["organization", "membership", "name"], name="saved_search_name_once"),
        ]
        triggers: ClassVar = [AuditTrail()]

    def __str__(self) -> str:
        return self.name


class LogColumns(OrganizationOwned):
    """Which metadata one person sees as columns beside time, level, service and message; in order."""

    membership = reference("organizations.Membership", on_delete=models.CASCADE)
    columns = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            *owned("log_columns"),
            SameOrganization(name="log_columns_membership", field="membership"),
            models.UniqueConstraint(fields=["organization", "membership"], name="log_columns_once"),
        ]


class LogExport(OrganizationOwned):
    """That someone began to download logs, and which; its row exists so that the audit log tells of it."""

    class Form(models.TextChoices):
        CSV = "csv", "CSV"
        JSON_LINES = "jsonl", "JSON lines"

    membership = reference("organizations.Membership")
    form = models.CharField(max_length=10, choices=Form.choices)
    query = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            *owned("log_export", privileges=APPEND_ONLY),
            SameOrganization(name="log_export_membership", field="membership"),
        ]
        triggers: ClassVar = [AuditTrail(operation=pgtrigger.Insert)]

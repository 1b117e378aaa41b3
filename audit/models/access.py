"""Who looked at the record, and who took what out of the installation."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.audit_trail import AuditTrail, append_only
from incident_center.kernel.constraints import APPEND_ONLY
from incident_center.kernel.models import OrganizationOwned, owned


class AccessKind(models.TextChoices):
    READ = "read"
    VERIFIED = "verified"
    EXPORTED = "exported"


class AuditAccess(OrganizationOwned):
    """One look or export. Its own audit entry is what makes it part of the record."""

    kind = models.CharField(max_length=10, choices=AccessKind.choices)
    actor = models.CharField(max_length=200)
    at = models.DateTimeField()
    # In words: "the audit log", "evidence of INC-42", "incidents as CSV".
    subject = models.CharField(max_length=300)
    # The filters that narrowed it down.
    filters = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_access"
        constraints = [*owned("audit_access", privileges=APPEND_ONLY)]
        indexes = [models.Index(fields=["organization", "actor", "-at"], name="audit_access_newest")]
        triggers = [AuditTrail(exclude=("actor", "at")), *append_only()]

    def __str__(self) -> str:
        return f"{self.actor} {self.kind} {self.subject}"

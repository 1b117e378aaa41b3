"""What the last look at the chain found."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.models import OrganizationOwned, owned


class AuditVerification(OrganizationOwned):
    """One verification of the organization's record: due, under way or finished.

    What it says is for people to see and proves nothing; verifying again does.
    """

    requested_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.CharField(max_length=200)
    # A worker that verifies renews this; a verification whose time is up has lost its worker.
    claimed_until = models.DateTimeField(null=True)
    checked = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    # None until it is finished.
    valid = models.BooleanField(null=True)
    seals = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    unsealed = models.BigIntegerField(default=0)
    sealed_until = models.DateTimeField(null=True)
    # The first fault, as audit.verification.Fault writes it.
    first_invalid = models.JSONField(null=True)

    class Meta:
        db_table = "audit_verification"
        constraints = [*owned("audit_verification", privileges="SELECT, INSERT, UPDATE")]
        indexes = [
            models.Index(fields=["organization", "-finished_at"], name="audit_verification_newest"),
            models.Index(fields=["requested_at"], condition=models.Q(finished_at=None), name="audit_verification_due"),
        ]

    @property
    def fault(self) -> str:
        """The first fault in words; empty where there is none."""
        return str(self.first_invalid["detail"]) if self.first_invalid else ""

    def __str__(self) -> str:
        return f"verification of {self.requested_at:%Y-%m-%d %H:%M}"

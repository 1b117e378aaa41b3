"""When the coverage digest of an organization is due."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.models import OrganizationOwned, owned


class CoverageDigest(OrganizationOwned):
    """One row an organization: its next digest. Whoever sends it, locks it."""

    next_at = models.DateTimeField()

    class Meta:
        constraints = [
            *owned("coverage_digest", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(fields=["organization"], name="coverage_digest_one"),
        ]
        indexes = [models.Index(fields=["next_at"], name="coverage_digest_due")]

"""What could not become a log, or an alert."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference


class DeadLetter(OrganizationOwned):
    """An entry, or a whole body, that could not be stored, with the reason; kept until someone repairs or
    deletes it.

    Its replay and its deletion are audited. Its birth is not: a broken client makes thousands, and each says
    itself when and why it came.
    """

    class Kind(models.TextChoices):
        ENTRY = "entry", "entry"
        BODY = "body", "body"
        ALERT = "alert", "alert"

    service = reference("organizations.Service", null=True, blank=True, on_delete=models.CASCADE)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # How its sender speaks, for an alert: a replay reads it the same way.
    protocol = models.CharField(max_length=20, blank=True, default="")
    reason = models.TextField()
    content = models.BinaryField()
    content_type = models.CharField(max_length=200, blank=True, default="")
    content_encoding = models.CharField(max_length=40, blank=True, default="")
    # In bytes, of what was sent; ``content`` holds at most the first 64 KiB of it.
    size = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=16)
    occurrences = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            *owned("dead_letter"),
            SameOrganization(name="dead_letter_service", field="service"),
            models.UniqueConstraint(
                fields=["organization", "service", "digest"], nulls_distinct=False, name="dead_letter_once"
            ),
        ]
        triggers: ClassVar = [
            AuditTrail(
                operation=pgtrigger.Update | pgtrigger.Delete,
                exclude=("occurrences", "last_seen_at"),
                redact=("content", "digest"),
            )
        ]

    @property
    def is_complete(self) -> bool:
        """Whether ``content`` is all that was sent, so that it can be replayed as it is."""
        return len(self.content) == self.size

    @property
    def text(self) -> str:
        """The content for people: what is not UTF-8 shows as U+FFFD."""
        return bytes(self.content).decode("utf-8", "replace")

"""Log entries, and what could not become one."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import APPEND_ONLY, RowLevelSecurity, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from ingestion.levels import Level

LEVEL_CHOICES = [(int(level), level.name) for level in Level]


class LogEntry(models.Model):
    """One log, in the partition of its retention class and UTC day.

    Read it through the ORM by service, level and time; search text and metadata through ``log_store()``,
    since their operators cannot use an index under row-level security. It is written by the log store only,
    and never changed: the runtime role is granted SELECT and INSERT. The two integers have no foreign key,
    which would cost more than the row; the wall and the API key vouch for them.
    """

    # The order of the index: dedup, filter and keyset at once.
    pk = models.CompositePrimaryKey("service_id", "timestamp", "hash", "retention_days")
    organization_id = models.BigIntegerField()
    service_id = models.BigIntegerField()
    retention_days = models.SmallIntegerField()
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()
    level = models.SmallIntegerField(choices=LEVEL_CHOICES)
    message = models.TextField()
    metadata = models.JSONField(default=dict)
    trace_id = models.TextField(null=True)  # noqa: DJ001 - NULL keeps the logs without one out of the index.
    hash = models.BigIntegerField()

    class Meta:
        db_table = "log_entry"
        constraints: ClassVar = [
            RowLevelSecurity(name="log_entry_wall", field="organization_id", privileges=APPEND_ONLY),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["service_id", "timestamp", "hash"],
                condition=Q(level__gte=int(Level.ERROR)),
                name="log_entry_errors",
            ),
            BrinIndex(fields=["received_at"], autosummarize=True, name="log_entry_received"),
            BrinIndex(fields=["trace_id"], opclasses=["text_bloom_ops"], autosummarize=True, name="log_entry_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M:%S} {Level(self.level).name} {self.message[:80]}"


class DeadLetter(OrganizationOwned):
    """An entry, or a whole body, that could not be stored, with the reason; kept until someone repairs or
    deletes it.

    Its replay and its deletion are audited. Its birth is not: a broken client makes thousands, and each says
    itself when and why it came.
    """

    class Kind(models.TextChoices):
        ENTRY = "entry", "entry"
        BODY = "body", "body"

    service = reference("organizations.Service", null=True, blank=True, on_delete=models.CASCADE)
    kind = models.CharField(max_length=10, choices=Kind.choices)
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

"""Log entries."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Func, Q

from incident_center.kernel.constraints import APPEND_ONLY, RowLevelSecurity
from ingestion.levels import Level

LEVEL_CHOICES = [(int(level), level.name) for level in Level]


class CurrentTransaction(Func):
    """The number of the transaction that writes the row, 64 bits wide; PostgreSQL counts them up."""

    function = "txid_current"
    output_field = models.BigIntegerField()


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
    # Filled by PostgreSQL, however the row came in: what follows the stream reads on from here (log_minute).
    transaction_id = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

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
            BrinIndex(fields=["transaction_id"], autosummarize=True, name="log_entry_transaction"),
            BrinIndex(fields=["trace_id"], opclasses=["text_bloom_ops"], autosummarize=True, name="log_entry_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.timestamp:%Y-%m-%d %H:%M:%S} {Level(self.level).name} {self.message[:80]}"

"""How many logs there were, by minute: the rollup behind histograms and totals."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from incident_center.kernel.constraints import READ_ONLY, RowLevelSecurity


class LogMinute(models.Model):
    """One service's logs of one minute, in event time, counted by level.

    Written by ``ingestion_count_logs()`` only, which follows the stream a second or so behind: late logs add to the
    minute that they happened in. Logs stored since are counted live by whoever asks (``ingestion_log_histogram``),
    so a sum of the two is exact at any moment.
    """

    pk = models.CompositePrimaryKey("service_id", "minute", "retention_days")
    organization_id = models.BigIntegerField()
    service_id = models.BigIntegerField()
    minute = models.DateTimeField()
    retention_days = models.SmallIntegerField()
    debug = models.BigIntegerField(default=0)
    info = models.BigIntegerField(default=0)
    warn = models.BigIntegerField(default=0)
    error = models.BigIntegerField(default=0)
    fatal = models.BigIntegerField(default=0)

    class Meta:
        db_table = "log_minute"
        constraints: ClassVar = [
            RowLevelSecurity(name="log_minute_wall", field="organization_id", privileges=READ_ONLY),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization_id", "retention_days", "minute"], name="log_minute_stored"),
        ]

    def __str__(self) -> str:
        return f"service {self.service_id}, {self.minute:%Y-%m-%d %H:%M}"

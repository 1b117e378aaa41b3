"""Log patterns: templates mined behind the stream, and how often each came."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from incident_center.kernel.constraints import RowLevelSecurity, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from ingestion.levels import Level

_LEVELS = [(int(level), level.name) for level in Level]


class LogPattern(OrganizationOwned):
    """One template of a service's messages, such as ``payment <*> refused``; it only grows more general.

    Written by mining (``actions/mine_patterns.py``), not audited: it is derived from the logs. Times are event times.
    """

    service = reference("organizations.Service", on_delete=models.CASCADE)
    template = models.TextField()
    sample = models.TextField()
    level = models.SmallIntegerField(choices=_LEVELS)  # The highest that it came with.
    count = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            *owned("log_pattern"),
            SameOrganization(name="log_pattern_service", field="service"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-last_seen_at", "-id"], name="log_pattern_newest"),
        ]

    def __str__(self) -> str:
        return self.template[:80]

    @property
    def level_name(self) -> str:
        return Level(self.level).name


class LogPatternMinute(models.Model):
    """How many logs of one pattern and level happened in one minute."""

    pk = models.CompositePrimaryKey("pattern_id", "minute", "level")
    organization_id = models.BigIntegerField()
    pattern_id = models.UUIDField()
    minute = models.DateTimeField()
    level = models.SmallIntegerField(choices=_LEVELS)
    count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "log_pattern_minute"
        constraints: ClassVar = [RowLevelSecurity(name="log_pattern_minute_wall", field="organization_id")]
        indexes: ClassVar = [models.Index(fields=["minute"], name="log_pattern_minute_age")]

    def __str__(self) -> str:
        return f"pattern {self.pattern_id}, {self.minute:%Y-%m-%d %H:%M}"


class ServiceRelease(OrganizationOwned):
    """A version that a service's logs named for the first time: what we know of its deploys.

    Read from ``metadata.version``, ``metadata.release`` or OpenTelemetry's ``service.version``. Going back to a version
    that ran before is not seen as a deploy.
    """

    service = reference("organizations.Service", on_delete=models.CASCADE)
    version = models.CharField(max_length=200)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            *owned("service_release"),
            SameOrganization(name="service_release_service", field="service"),
            models.UniqueConstraint(fields=["organization", "service", "version"], name="service_release_once"),
        ]


class PatternProgress(OrganizationOwned):
    """How far an organization's logs have been mined; its row is also the lock of whoever mines them."""

    # All logs of transactions below this number have been mined, and of no others.
    horizon = models.BigIntegerField(default=0)
    # Transaction numbers mean something in one database cluster only: after a restore they begin anew.
    cluster = models.TextField(default="")
    mined_at = models.DateTimeField(null=True)
    # Counts the chunks, so that a worker knows whether another one mined since.
    chunks = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            *owned("pattern_progress"),
            models.UniqueConstraint(fields=["organization"], name="pattern_progress_once"),
        ]

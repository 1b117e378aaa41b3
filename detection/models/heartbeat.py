"""Dead man's switches: what has to report at regular intervals, and when it is late."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incident_center.kernel.secrets import EncryptedTextField
from incidents.lifecycle import Severity


class HeartbeatState(models.TextChoices):
    WAITING = "waiting", "Waiting for the first beat"
    BEATING = "beating", "Beating"
    LATE = "late", "Late"
    FAILED = "failed", "Reported a failure"


class Heartbeat(OrganizationOwned):
    """A job, a backup, a device that calls an address of its own. It is late ``period + grace`` after its last beat.

    Before the first beat nothing is expected of it.
    """

    name = models.CharField(max_length=200)
    service = reference("organizations.Service", null=True, blank=True)
    severity = models.CharField(max_length=10, choices=[(s.value, s.label) for s in Severity], default=Severity.HIGH)
    period_seconds = models.PositiveIntegerField()
    grace_seconds = models.PositiveIntegerField(default=60)
    enabled = models.BooleanField(default=True)
    # The address's secret. Shown to whoever may read the configuration, found by its hash.
    token = EncryptedTextField()
    token_hash = models.BinaryField(max_length=32, unique=True)

    state = models.CharField(max_length=10, choices=HeartbeatState.choices, default=HeartbeatState.WAITING)
    last_beat_at = models.DateTimeField(null=True)
    # When it is late, or still is, unless it beats; empty while nothing is expected.
    due_at = models.DateTimeField(null=True)
    beat_count = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            *owned("heartbeat"),
            SameOrganization(name="heartbeat_service", field="service"),
            models.CheckConstraint(condition=models.Q(severity__in=list(Severity)), name="heartbeat_severity_known"),
            models.CheckConstraint(condition=models.Q(state__in=HeartbeatState.values), name="heartbeat_state_known"),
            models.CheckConstraint(condition=models.Q(period_seconds__gte=1), name="heartbeat_has_period"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="heartbeat_due"),
        ]
        triggers = [
            AuditTrail(
                exclude=("state", "last_beat_at", "due_at", "beat_count", "updated_at"), redact=("token", "token_hash")
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Where it beats."""
        return f"/v1/heartbeats/{self.token}"

    @property
    def is_missed(self) -> bool:
        """Whether an incident stands for it."""
        return self.state in (HeartbeatState.LATE, HeartbeatState.FAILED)

    def late_after(self, moment: datetime) -> datetime:
        """When it is late if ``moment`` was its last beat."""
        return moment + timedelta(seconds=self.period_seconds + self.grace_seconds)

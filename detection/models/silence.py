"""Silences and maintenance windows, and which incidents they mute."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from detection.silences.matching import Matchers
from detection.silences.times import Interval, Recurrence, Times
from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from organizations.models import User


class SilenceKind(models.TextChoices):
    """A maintenance window is a silence of whole services or environments, made before the work begins."""

    SILENCE = "silence", "Silence"
    MAINTENANCE = "maintenance", "Maintenance window"


class Silence(OrganizationOwned):
    """Nobody is paged for what it fits while it is in force. Detection, timeline and service levels go on."""

    kind = models.CharField(max_length=20, choices=SilenceKind.choices)
    reason = models.CharField(max_length=300)
    # People stand outside the wall; that they are of this organization is checked by the actions.
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    # ``Matchers.as_data``
    matchers = models.JSONField(default=dict)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64, default="UTC")
    # ``Recurrence.as_data``, or empty: all the time from its start to its end.
    recurrence = models.JSONField(null=True, blank=True)
    # When a person ended it before its time.
    ended_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    # The beginning of the hours that are running, once they were carried out.
    active_since = models.DateTimeField(null=True)
    # When it has to be carried out again; empty once it is over.
    next_change_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("silence"),
            models.CheckConstraint(condition=Q(kind__in=SilenceKind.values), name="silence_kind_known"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="silence_ends_after_it_starts"),
        ]
        indexes = [
            models.Index(fields=["next_change_at"], condition=Q(next_change_at__isnull=False), name="silence_due"),
            models.Index(fields=["organization", "ends_at"], name="silence_by_end"),
        ]
        triggers = [AuditTrail(exclude=("active_since", "next_change_at", "updated_at"))]

    def __str__(self) -> str:
        return self.reason

    @property
    def times(self) -> Times:
        recurrence = Recurrence.from_data(self.recurrence) if self.recurrence else None
        return Times(self.starts_at, self.ends_at, recurrence, ZoneInfo(self.time_zone))

    @property
    def matching(self) -> Matchers:
        return Matchers.from_data(self.matchers)

    def interval_at(self, moment: datetime) -> Interval | None:
        """The time around the moment in which it is in force; None where it is not, or was ended."""
        return None if self.is_over(moment) else self.times.interval_at(moment)

    def is_over(self, moment: datetime) -> bool:
        """Whether it never comes into force again."""
        return self.ended_at is not None or self.removed_at is not None or self.ends_at <= moment

    def state_at(self, moment: datetime) -> str:
        """``active``, ``scheduled`` (its hours come, for the first time or again) or ``over``."""
        if self.is_over(moment):
            return "over"
        return "active" if self.times.interval_at(moment) else "scheduled"


class Mute(OrganizationOwned):
    """An incident that a silence mutes, or muted."""

    silence = reference("detection.Silence", related_name="mutes", db_index=False)
    incident = reference("incidents.Incident", db_index=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("mute", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="mute_silence", field="silence"),
            SameOrganization(name="mute_incident", field="incident"),
            models.UniqueConstraint(
                fields=["organization", "incident", "silence"], condition=Q(ended_at=None), name="mute_running_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "silence", "-began_at"], name="mute_by_silence")]

    def __str__(self) -> str:
        return f"{self.incident_id} by {self.silence_id}"

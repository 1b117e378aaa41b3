"""Incidents, and the sample of logs that each carries."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, OrganizationScoped, owned, reference
from incidents.lifecycle import NEXT, Priority, Severity, Source, Status
from incidents.triggers import IdentityGuard, LifecycleGuard
from organizations.models import User

LONGEST_TITLE = 500
LONGEST_KEY = 255
LONGEST_LABEL = 60
MOST_LINKED_LOGS = 50


class IncidentCounter(OrganizationScoped):
    """The last number given out in an organization. Locked after incidents, never before them."""

    organization = models.OneToOneField(
        "organizations.Organization", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    last_number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [owned("incident_counter", privileges="SELECT, INSERT, UPDATE")[0]]

    def __str__(self) -> str:
        return f"INC-{self.last_number}"


class Incident(OrganizationOwned):
    """One problem. Changed only by ``incidents.actions``, which lock it, guard the step and write the
    timeline.
    """

    number = models.PositiveIntegerField(editable=False)
    title = models.CharField(max_length=LONGEST_TITLE)
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=20, choices=[(s.value, s.label) for s in Status], default=Status.OPEN)
    severity = models.CharField(max_length=10, choices=[(s.value, s.label) for s in Severity])
    priority = models.CharField(max_length=2, choices=[(p.value, p.value) for p in Priority])
    service = reference("organizations.Service", null=True, blank=True)
    # What people sort incidents by besides: "customer:acme", "payment".
    labels = ArrayField(models.CharField(max_length=LONGEST_LABEL), default=list, blank=True)
    source = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Source], default=Source.MANUAL)
    # The rule, or whatever else the source names; upper apps own those rows, so there is no foreign key.
    source_id = models.UUIDField(null=True, blank=True)
    dedup_key = models.CharField(max_length=LONGEST_KEY, null=True, blank=True)  # noqa: DJ001  NULL: no key at all.

    # People stand outside the wall; that they are of this organization is checked by the actions.
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    assignee = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    mitigated_at = models.DateTimeField(null=True, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawn_reason = models.TextField(blank=True, default="")
    merged_into = reference("incidents.Incident", null=True)
    merged_at = models.DateTimeField(null=True, editable=False)
    # Until then its escalation tells nobody; what is due meanwhile is due at that time.
    muted_until = models.DateTimeField(null=True, editable=False)

    # In event time: when the problem showed itself first and last.
    first_occurrence_at = models.DateTimeField(default=timezone.now)
    last_occurrence_at = models.DateTimeField(default=timezone.now)
    # When a person last did something to it, or people were told that it happened (again).
    touched_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    # Counts edits of what PATCH can change, so that nobody overwrites what they have not seen.
    version = models.PositiveIntegerField(default=1)

    occurrence_count = models.PositiveIntegerField(default=1)
    log_count = models.PositiveBigIntegerField(default=0)
    event_count = models.PositiveIntegerField(default=0)
    note_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            *owned("incident", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="incident_service", field="service"),
            SameOrganization(name="incident_merged_into", field="merged_into"),
            models.UniqueConstraint(fields=["organization", "number"], name="incident_number_once"),
            models.UniqueConstraint(
                fields=["organization", "dedup_key"],
                condition=~Q(status=Status.RESOLVED) & Q(withdrawn_at=None) & Q(merged_into=None),
                name="incident_one_open_problem",
            ),
            models.CheckConstraint(condition=Q(status__in=list(Status)), name="incident_status_known"),
            models.CheckConstraint(condition=Q(severity__in=list(Severity)), name="incident_severity_known"),
            models.CheckConstraint(condition=Q(priority__in=list(Priority)), name="incident_priority_known"),
            models.CheckConstraint(condition=~Q(merged_into=models.F("id")), name="incident_not_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(status=Status.RESOLVED, resolved_at__isnull=False)
                | (~Q(status=Status.RESOLVED) & Q(resolved_at=None)),
                name="incident_resolved_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-opened_at", "-id"], name="incident_newest"),
            models.Index(fields=["organization", "status", "-opened_at"], name="incident_by_status"),
            models.Index(fields=["organization", "service", "-opened_at"], name="incident_by_service"),
            models.Index(fields=["organization", "assignee", "-opened_at"], name="incident_by_assignee"),
            models.Index(fields=["organization", "opened_by", "-opened_at"], name="incident_by_opener"),
            models.Index(fields=["organization", "dedup_key", "-opened_at"], name="incident_by_key"),
            models.Index(
                fields=["organization", "acknowledged_at"],
                condition=~Q(acknowledged_at=None),
                name="incident_acknowledged",
            ),
            models.Index(
                fields=["organization", "resolved_at"], condition=~Q(resolved_at=None), name="incident_resolved"
            ),
            GinIndex(fields=["labels"], name="incident_by_label"),
            models.Index(
                fields=["organization", "merged_into"], condition=~Q(merged_into=None), name="incident_merged"
            ),
        ]
        triggers = [
            # What a flood of logs changes many times a minute is counted on the timeline, not in the audit
            # log.
            AuditTrail(
                key="number",
                exclude=(
                    "first_occurrence_at",
                    "last_occurrence_at",
                    "touched_at",
                    "updated_at",
                    "version",
                    "occurrence_count",
                    "log_count",
                    "event_count",
                    "note_count",
                ),
            ),
            LifecycleGuard(),
            IdentityGuard(),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        """What people call it: ``INC-42``."""
        return f"INC-{self.number}"

    @property
    def is_live(self) -> bool:
        """Whether it still stands for a problem that someone has to look after."""
        return self.status != Status.RESOLVED and self.withdrawn_at is None and self.merged_into_id is None

    def is_muted_at(self, moment: datetime) -> bool:
        """Whether nobody is to be paged for it then."""
        return self.muted_until is not None and self.muted_until > moment

    @property
    def allowed_statuses(self) -> tuple[Status, ...]:
        """The legal next steps; none once it is withdrawn or merged away."""
        if self.withdrawn_at is not None or self.merged_into_id is not None:
            return ()
        return NEXT[Status(self.status)]


class IncidentLog(OrganizationOwned):
    """A copy of a log that belongs to an incident: the partition that it came from will be dropped one day.

    At most 50 for an incident, its first 20 and its newest 30; ``Incident.log_count`` counts them all.
    """

    incident = reference("incidents.Incident", db_index=False)
    service = reference("organizations.Service", db_index=False)
    timestamp = models.DateTimeField()
    hash = models.BigIntegerField()
    retention_days = models.PositiveSmallIntegerField()
    level = models.PositiveSmallIntegerField()
    message = models.TextField()
    metadata = models.JSONField(default=dict)
    trace_id = models.TextField(null=True)  # noqa: DJ001  As in the log itself.

    class Meta:
        constraints = [
            *owned("incident_log", privileges="SELECT, INSERT, DELETE"),
            SameOrganization(name="incident_log_incident", field="incident"),
            SameOrganization(name="incident_log_service", field="service"),
            models.UniqueConstraint(
                fields=["organization", "incident", "timestamp", "service", "hash"], name="incident_log_once"
            ),
        ]

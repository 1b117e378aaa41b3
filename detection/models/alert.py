"""Alerts of other systems: what came, what it belongs to, and the rule by which its labels are read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from detection.alerts import mapping
from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incidents.lifecycle import Severity


class AlertMapping(OrganizationOwned):
    """How an organization reads alerts: which labels name service and environment, which word means which severity.

    An organization without a row reads them as the defaults say.
    """

    service_labels = models.JSONField(default=mapping.default_service_labels)
    environment_labels = models.JSONField(default=mapping.default_environment_labels)
    severity_labels = models.JSONField(default=mapping.default_severity_labels)
    # What a sender calls a service: what it is called here.
    services = models.JSONField(default=dict)
    # Lower-case words: severities.
    severities = models.JSONField(default=mapping.default_severities)
    default_severity = models.CharField(
        max_length=10, choices=[(s.value, s.label) for s in Severity], default=Severity.MEDIUM
    )
    default_environment = models.CharField(max_length=100, default=mapping.DEFAULT_ENVIRONMENT)
    # Whether a service that nobody knows is made; otherwise its incident has none.
    creates_services = models.BooleanField(default=True)
    # Alerts that come one by one (Alertmanager's API) and are equal in these labels are one incident.
    group_by = models.JSONField(default=mapping.default_group_by)
    # An alert that fires again this soon after its incident was resolved reopens it.
    rejoin_minutes = models.PositiveSmallIntegerField(default=mapping.REJOIN_MINUTES)
    # Beyond this many new problems within a minute, one incident takes the rest.
    storm_problems = models.PositiveSmallIntegerField(default=mapping.STORM_PROBLEMS)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            *owned("alert_mapping"),
            models.UniqueConstraint(fields=["organization"], name="alert_mapping_once"),
            models.CheckConstraint(
                condition=Q(default_severity__in=list(Severity)), name="alert_mapping_severity_known"
            ),
        ]
        triggers = [AuditTrail(exclude=("updated_at",))]

    def __str__(self) -> str:
        return "How alerts are read"


class AlertGroup(OrganizationOwned):
    """One problem as its sender groups it. Its row is the lock under which messages about it are decided."""

    #: Whether the transaction at hand made the row, so that there are no alerts of it.
    is_new = False

    source = models.CharField(max_length=20)
    # The incidents' deduplication key.
    key = models.CharField(max_length=255)
    # As the sender wrote it: a group key, a deduplication key, an alias.
    problem = models.TextField()
    service = reference("organizations.Service", null=True, db_index=False)
    # The incident that its alerts belong to now, also when that was merged into another since.
    incident = reference("incidents.Incident", null=True, db_index=False)
    # When it last began to be a problem of its own, whether it opened an incident or a storm took it.
    opened_at = models.DateTimeField(null=True)
    last_received_at = models.DateTimeField()

    class Meta:
        constraints = [
            *owned("alert_group"),
            SameOrganization(name="alert_group_service", field="service"),
            SameOrganization(name="alert_group_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "key"], name="alert_group_once"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "opened_at"], condition=Q(opened_at__isnull=False), name="alert_group_opened"
            ),
            models.Index(fields=["organization", "incident"], name="alert_group_by_incident"),
        ]

    def __str__(self) -> str:
        return self.problem[:80]


class AlertStatus(models.TextChoices):
    FIRING = "firing", "Firing"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


class Alert(OrganizationOwned):
    """What a sender says about one thing, as long as it belongs to one incident: repetitions change this row.

    ``incident`` is empty where none was opened: the end came before the beginning.
    """

    group = reference("detection.AlertGroup", on_delete=models.CASCADE, db_index=False)
    incident = reference("incidents.Incident", null=True, db_index=False)
    service = reference("organizations.Service", null=True, db_index=False)
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(max_length=20, choices=AlertStatus.choices)
    severity = models.CharField(max_length=10, choices=[(s.value, s.label) for s in Severity])
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict)
    details = models.JSONField(default=dict)
    # [{"href": "https://…", "text": "Runbook"}]
    links = models.JSONField(default=list)

    # By the sender's clock, empty where the protocol has none.
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # By ours.
    first_received_at = models.DateTimeField(default=timezone.now)
    last_received_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    # Messages about it, and how many times it began to fire.
    received_count = models.PositiveIntegerField(default=1)
    firing_count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            *owned("alert"),
            SameOrganization(name="alert_in_group", field="group"),
            SameOrganization(name="alert_incident", field="incident"),
            SameOrganization(name="alert_service", field="service"),
            models.UniqueConstraint(
                fields=["organization", "group", "incident", "fingerprint"], nulls_distinct=False, name="alert_once"
            ),
            models.CheckConstraint(condition=Q(status__in=AlertStatus.values), name="alert_status_known"),
            models.CheckConstraint(condition=Q(severity__in=list(Severity)), name="alert_severity_known"),
        ]
        indexes = [
            models.Index(fields=["organization", "incident", "-id"], name="alert_by_incident"),
            models.Index(
                fields=["organization", "incident"], condition=~Q(status="resolved"), name="alert_firing_by_incident"
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False) & ~Q(status="resolved"),
                name="alert_expiring",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_live(self) -> bool:
        """Whether its sender has not said that it is over."""
        return self.status != AlertStatus.RESOLVED

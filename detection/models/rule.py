"""Detection rules, and what an evaluation remembers about a rule and a service."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from detection.rules.threshold import Threshold
from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incidents.lifecycle import Severity
from ingestion.levels import Level, parse_level
from ingestion.search_syntax import parse_text
from ingestion.selectors import LogMatch


class RuleKind(models.TextChoices):
    THRESHOLD = "threshold", "Threshold"


class Grouping(models.TextChoices):
    """What makes two detections of a rule one problem."""

    SERVICE = "service", "Per service"


class DetectionRule(OrganizationOwned):
    """Which logs are a problem when there are how many. Rules are data: changing one needs no code."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=RuleKind.choices, default=RuleKind.THRESHOLD)
    enabled = models.BooleanField(default=True)
    # None: every service. Empty: every environment.
    service = reference("organizations.Service", null=True, blank=True)
    environment = models.CharField(max_length=100, blank=True, default="")
    # {"min_level": "ERROR", "q": "…", "metadata": {"key": "value"}}
    match = models.JSONField(default=dict)
    # {"count": 5, "window_seconds": 60}
    parameters = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, choices=[(s.value, s.label) for s in Severity])
    group_by = models.CharField(max_length=20, choices=Grouping.choices, default=Grouping.SERVICE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            *owned("detection_rule"),
            SameOrganization(name="detection_rule_service", field="service"),
            models.CheckConstraint(
                condition=models.Q(severity__in=list(Severity)), name="detection_rule_severity_known"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=RuleKind.values), name="detection_rule_kind_known"),
        ]
        triggers = [AuditTrail(exclude=("updated_at",))]

    def __str__(self) -> str:
        return self.name

    @property
    def minimum_level(self) -> Level:
        return parse_level(self.match["min_level"])

    @property
    def log_match(self) -> LogMatch:
        """The rule's match in the words of the log store."""
        metadata: dict[str, str] = self.match.get("metadata", {})
        return LogMatch(
            minimum_level=self.minimum_level,
            text=parse_text(self.match.get("q", "")),
            metadata=tuple(sorted(metadata.items())),
        )

    @property
    def threshold(self) -> Threshold:
        return Threshold(count=self.parameters["count"], window=timedelta(seconds=self.parameters["window_seconds"]))


class Watch(OrganizationOwned):
    """What one rule remembers about one service between evaluations.

    Its row is also the lock of an evaluation: whoever holds it decides, the others wait and find it decided.
    """

    rule = reference("detection.DetectionRule", on_delete=models.CASCADE, db_index=False)
    service = reference("organizations.Service", on_delete=models.CASCADE, db_index=False)

    # The incident whose logs are being counted, and the count so far: every match whose event time is not
    # before counted_from. Logs received until settled_until are counted for good (settled_count), those
    # received later are counted anew each time, since they may become visible out of order.
    incident = reference("incidents.Incident", null=True, db_index=False)
    counted_from = models.DateTimeField(null=True)
    counted_after = models.DateTimeField(null=True)  # The end of the problem before this one.
    counted = models.PositiveBigIntegerField(default=0)
    settled_until = models.DateTimeField(null=True)
    settled_count = models.PositiveBigIntegerField(default=0)

    # In event time: the last log of the newest window that was too full.
    last_breach_at = models.DateTimeField(null=True)
    # The problem came back after a quiet, and nobody was told of that yet.
    untold_since = models.DateTimeField(null=True)

    # Counting costs: not before this moment again, however often the service wakes us.
    recount_at = models.DateTimeField(null=True)
    # The sweep looks again then, also when nothing wakes us.
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("detection_watch"),
            SameOrganization(name="detection_watch_rule", field="rule"),
            SameOrganization(name="detection_watch_service", field="service"),
            SameOrganization(name="detection_watch_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "rule", "service"], name="detection_watch_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="detection_watch_due"),
        ]

    def __str__(self) -> str:
        return f"rule {self.rule_id} over service {self.service_id}"

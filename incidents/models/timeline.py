"""The timeline of an incident."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.audit_trail import append_only
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference


class EventKind(models.TextChoices):
    """What a timeline event says. The data that goes with each is in docs/incidents.md."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_TIMED_OUT = "acknowledgement_timed_out"
    STATUS_CHANGED = "status_changed"
    NOTE = "note"
    ASSIGNED = "assigned"
    SEVERITY_CHANGED = "severity_changed"
    PRIORITY_CHANGED = "priority_changed"
    EDITED = "edited"
    LABELS_CHANGED = "labels_changed"
    RECURRED = "recurred"
    LOGS_LINKED = "logs_linked"
    ALERTS_LINKED = "alerts_linked"
    ALERTS_RESOLVED = "alerts_resolved"
    MERGED = "merged"
    UNMERGED = "unmerged"
    LINKED = "linked"
    UNLINKED = "unlinked"
    WITHDRAWN = "withdrawn"
    TASK_ADDED = "task_added"
    TASK_CHANGED = "task_changed"
    POSTMORTEM_PUBLISHED = "postmortem_published"
    MUTED = "muted"
    UNMUTED = "unmuted"
    ESCALATION_STARTED = "escalation_started"
    ESCALATED = "escalated"
    ESCALATION_STOPPED = "escalation_stopped"
    ESCALATION_EXHAUSTED = "escalation_exhausted"
    NOBODY_REACHABLE = "nobody_reachable"
    RESPONDERS_ADDED = "responders_added"
    SLA_STARTED = "sla_started"
    SLA_RECOMPUTED = "sla_recomputed"
    SLA_WARNING = "sla_warning"
    SLA_BREACHED = "sla_breached"
    MILESTONE_RECORDED = "milestone_recorded"
    ISSUE_OPENED = "issue_opened"
    ISSUE_CLOSED = "issue_closed"
    NOTIFICATION_SENT = "notification_sent"
    NOTIFICATION_FAILED = "notification_failed"


class TimelineEvent(OrganizationOwned):
    """One thing that happened to an incident: attributed, ordered by ``sequence``, and never changed by
    anyone.
    """

    incident = reference("incidents.Incident", related_name="timeline", db_index=False)
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=30, choices=EventKind.choices)
    # "user:<uuid>", "key:<uuid>" or "system:<name>".
    actor = models.CharField(max_length=200)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            *owned("timeline_event", privileges=APPEND_ONLY),
            SameOrganization(name="timeline_event_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "incident", "sequence"], name="timeline_event_in_order"),
        ]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"

"""The explain ledger: what was decided about an incident, an alert or a person to tell, and why."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.audit_trail import append_only
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference


class Stage(models.TextChoices):
    """Where on the way from a signal to a person it was decided."""

    INTAKE = "intake"
    DETECTION = "detection"
    SILENCE = "silence"
    STORM = "storm"
    ESCALATION = "escalation"
    ROUTE = "route"
    CONTACT = "contact"


class Decision(OrganizationOwned):
    """One decision with its reason, kept as long as the incident; ids are UUIDv7, so they are in order.

    ``incident`` is empty where the decision was that there is none: an ignored alert.
    """

    incident = reference("incidents.Incident", null=True, db_index=False)
    at = models.DateTimeField()
    stage = models.CharField(max_length=20, choices=Stage.choices)
    # A verb in the past: "opened", "joined", "matched", "not_matched", "muted", "told", "not_told", …
    outcome = models.CharField(max_length=40)
    # A sentence for people: what was compared with what.
    reason = models.TextField()
    # What was decided about or by, as "route:<uuid>", "user:<uuid>", "rule:<uuid>", "alert:<uuid>"; with its name then.
    subject = models.CharField(max_length=100, blank=True, default="")
    subject_name = models.CharField(max_length=255, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            *owned("decision", privileges=APPEND_ONLY),
            SameOrganization(name="decision_incident", field="incident"),
        ]
        indexes = [
            models.Index(fields=["organization", "incident", "id"], name="decision_by_incident"),
            models.Index(fields=["organization", "subject", "-id"], name="decision_by_subject"),
        ]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"{self.stage}: {self.outcome}"

"""Escalation: policies, which service has which, and what runs for an incident."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail, append_only
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incidents.escalation.definition import DEFAULT_URGENCY
from incidents.escalation.plan import Plan, Position, plan_of
from organizations.models import User


def default_urgency() -> dict[str, Any]:
    return dict(DEFAULT_URGENCY)


class EscalationPolicy(OrganizationOwned):
    """Who is told of an incident, one step after the other, until someone acknowledges it.

    ``steps`` and ``urgency`` have the form that ``incidents.escalation.definition`` checks. An escalation takes a
    copy when it begins: changing a policy changes nothing that is under way.
    """

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    # [{"delay_minutes": 5, "targets": [{"type": "schedule", "id": "…"}]}]
    steps = models.JSONField(default=list)
    repeat_count = models.PositiveSmallIntegerField(default=0)
    repeat_delay_minutes = models.PositiveIntegerField(default=5)
    # None: an acknowledgement holds until someone takes it back.
    acknowledgement_timeout_minutes = models.PositiveIntegerField(null=True, blank=True)
    # {"always_high": ["critical"], "high_in_hours": ["medium"], "hours": {"timezone", "days", "from", "to"} or null}
    urgency = models.JSONField(default=default_urgency)
    # For the services that name no policy of their own, and for incidents without a service.
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            *owned("escalation_policy"),
            models.UniqueConstraint(
                models.F("organization"), models.functions.Lower("name"), name="escalation_policy_name_once"
            ),
            models.UniqueConstraint(
                fields=["organization"], condition=Q(is_default=True), name="escalation_policy_one_default"
            ),
        ]
        triggers = [AuditTrail(exclude=("updated_at",))]

    def __str__(self) -> str:
        return self.name

    def frozen(self) -> dict[str, Any]:
        """What an escalation keeps of the policy."""
        return {
            "id": str(self.pk),
            "name": self.name,
            "steps": self.steps,
            "repeat_count": self.repeat_count,
            "repeat_delay_minutes": self.repeat_delay_minutes,
            "acknowledgement_timeout_minutes": self.acknowledgement_timeout_minutes,
            "urgency": self.urgency,
        }


class ServicePolicies(OrganizationOwned):
    """What a service has of policies of its own; where it has none the organization's default holds."""

    service = models.OneToOneField(
        "organizations.Service", on_delete=models.CASCADE, db_constraint=False, related_name="policies"
    )
    escalation_policy = reference("incidents.EscalationPolicy", null=True)

    class Meta:
        constraints = [
            *owned("service_policies"),
            SameOrganization(name="service_policies_service", field="service"),
            SameOrganization(name="service_policies_escalation_policy", field="escalation_policy"),
        ]
        triggers = [AuditTrail()]


class Escalation(OrganizationOwned):
    """One run of a policy for an incident. At most one of an incident is running.

    Locked after its incident, never before it.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        EXHAUSTED = "exhausted"
        # By hand, for people who were told once: nothing more follows.
        COMPLETED = "completed"

    class Cause(models.TextChoices):
        """Why it began."""

        OPENED = "opened"
        RECURRED = "recurred"
        REOPENED = "reopened"
        UNMERGED = "unmerged"
        ACKNOWLEDGEMENT_TIMED_OUT = "acknowledgement_timed_out"
        BY_HAND = "by_hand"

    class End(models.TextChoices):
        """What ended it."""

        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"
        WITHDRAWN = "withdrawn"
        MERGED = "merged"
        REPLACED = "replaced"
        EXHAUSTED = "exhausted"
        COMPLETED = "completed"

    incident = reference("incidents.Incident", related_name="escalations", db_index=False)
    # The policy as it was at the start (``EscalationPolicy.frozen``); by hand to people: one step that names them.
    policy = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    # The step that ran last (``plan.Position``): its round, counted from 1, and its number in it; 0 before the first.
    round = models.PositiveSmallIntegerField(default=1)
    level = models.PositiveSmallIntegerField(default=0)
    # When the next step is due; only while it is running.
    next_due_at = models.DateTimeField(null=True)
    # Since when the next step has been held back by a mute of the incident.
    held_since = models.DateTimeField(null=True)
    # When an acknowledgement lapses that nobody follows up; only where the policy says so.
    acknowledgement_expires_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=40, choices=Cause.choices)
    by_hand = models.BooleanField(default=False)
    # What a person wrote who escalated by hand.
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=40, choices=End.choices, blank=True, default="")

    class Meta:
        constraints = [
            *owned("escalation", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="escalation_incident", field="incident"),
            models.UniqueConstraint(
                fields=["organization", "incident"], condition=Q(state="running"), name="escalation_one_running"
            ),
            models.CheckConstraint(
                condition=Q(state="running", next_due_at__isnull=False) | (~Q(state="running") & Q(next_due_at=None)),
                name="escalation_running_is_due",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "incident", "-started_at"], name="escalation_by_incident"),
            models.Index(fields=["next_due_at"], condition=Q(next_due_at__isnull=False), name="escalation_due"),
            models.Index(
                fields=["acknowledgement_expires_at"],
                condition=Q(acknowledgement_expires_at__isnull=False),
                name="escalation_lapse_due",
            ),
        ]
        triggers = [
            AuditTrail(exclude=("policy", "round", "level", "next_due_at", "held_since", "acknowledgement_expires_at"))
        ]

    def __str__(self) -> str:
        return f"{self.state} escalation by {self.policy['name']}"

    @property
    def plan(self) -> Plan:
        return plan_of(self.policy)

    @property
    def position(self) -> Position:
        """The step that ran last."""
        return Position(self.round, self.level)

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING


class EscalationStepRun(OrganizationOwned):
    """That a step ran, and whom it found. The unique constraint is what makes a step run once, whoever tries.

    Level 0 stands for the last resort: the owners and team leads who are told when no step of the round found
    anybody, or, in the round after the last, when nobody has acknowledged.
    """

    escalation = reference("incidents.Escalation", related_name="step_runs", db_index=False)
    round = models.PositiveSmallIntegerField()
    level = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    at = models.DateTimeField()
    # By target, in order: {"type", "id", "name", "people": [user ids], "skipped": [{"id", "name", "reason"}],
    # "reason"}; the reason is empty where the target told somebody.
    targets = models.JSONField(default=list)
    # Whom it told: user ids and channel ids; both empty where nobody could be reached.
    people = models.JSONField(default=list)
    channels = models.JSONField(default=list)
    urgency = models.CharField(max_length=4)

    class Meta:
        constraints = [
            *owned("escalation_step_run", privileges=APPEND_ONLY),
            SameOrganization(name="escalation_step_run_escalation", field="escalation"),
            models.UniqueConstraint(
                fields=["organization", "escalation", "round", "level"], name="escalation_step_runs_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "at"], name="escalation_step_run_at")]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"step {self.level} of round {self.round}"


class Responder(OrganizationOwned):
    """A person whom an escalation told of an incident, or whom someone added: it is theirs too from then on."""

    incident = reference("incidents.Incident", related_name="responders", db_index=False)
    # People stand outside the wall; that they are of this organization is checked by the actions.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    added_at = models.DateTimeField()
    # "user:<uuid>" or "system:escalation".
    added_by = models.CharField(max_length=200)

    class Meta:
        constraints = [
            *owned("responder", privileges="SELECT, INSERT"),
            SameOrganization(name="responder_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "incident", "user"], name="responder_once"),
        ]
        triggers = [AuditTrail()]

"""Which incidents are told where."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.models import OrganizationOwned, owned
from incidents.escalation.plan import Target, TargetKind
from incidents.lifecycle import Severity
from notifications.routing.matching import Conditions
from notifications.topics import DEFAULT_TOPICS

SEVERITY_CHOICES = [(severity.value, severity.label) for severity in Severity]


def default_topics() -> list[str]:
    return [topic.value for topic in DEFAULT_TOPICS]


class Route(OrganizationOwned):
    """Changes that fit the conditions are told to the targets. Routes are looked at in order; an empty list fits all.

    Ids in it are checked when they are written, and read under the wall: what is gone since leads nowhere.
    """

    name = models.CharField(max_length=200)
    position = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)
    # Services by their public ids.
    services = ArrayField(models.UUIDField(), default=list, blank=True)
    environments = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    severities = ArrayField(models.CharField(max_length=10, choices=SEVERITY_CHOICES), default=list, blank=True)
    teams = ArrayField(models.UUIDField(), default=list, blank=True)
    events = ArrayField(models.CharField(max_length=30), default=default_topics)
    # As an escalation's step writes them: [{"type": "channel", "id": "…"}].
    targets = models.JSONField(default=list)
    # What fits here is not shown to later routes.
    stops = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            *owned("route"),
            models.UniqueConstraint(models.F("organization"), Lower("name"), name="route_name_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "position", "id"], condition=Q(enabled=True), name="route_in_order")
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name

    @property
    def conditions(self) -> Conditions:
        return Conditions(
            services=frozenset(self.services),
            environments=frozenset(self.environments),
            severities=frozenset(self.severities),
            teams=frozenset(self.teams),
            topics=frozenset(self.events),
        )

    @property
    def aims(self) -> list[Target]:
        """The targets, read."""
        return [Target(TargetKind(each["type"]), UUID(each["id"])) for each in self.targets]

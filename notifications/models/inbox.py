"""A person's inbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from notifications.topics import Topic
from organizations.models import User


class Notification(OrganizationOwned):
    """One line in a person's inbox: what happened to an incident that concerns them, or a notice without one."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    incident = reference("incidents.Incident", null=True, db_index=False)
    event = reference("incidents.TimelineEvent", null=True, db_index=False)
    topic = models.CharField(max_length=30, choices=[(topic.value, topic.label) for topic in Topic])
    title = models.CharField(max_length=600)
    body = models.TextField(blank=True, default="")
    # Where a notice leads; empty for an incident, which has a page.
    path = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("notification", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="notification_incident", field="incident"),
            SameOrganization(name="notification_event", field="event"),
            models.UniqueConstraint(fields=["organization", "user", "event"], name="notification_once"),
            models.CheckConstraint(
                condition=Q(incident__isnull=False, event__isnull=False) | (Q(incident=None, event=None) & ~Q(path="")),
                name="notification_leads_somewhere",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "user", "-id"], name="notification_newest"),
            models.Index(fields=["organization", "user", "-id"], condition=Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return self.title

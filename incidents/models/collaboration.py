"""What people keep around an incident: who follows it, what hangs together, what is left to do, what was learnt."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from organizations.models import User

LONGEST_TASK = 300
LONGEST_POSTMORTEM = 200_000
LONGEST_QUERY = 2_000


def _person(**options: Any) -> Any:
    return models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False, **options)


class Follower(OrganizationOwned):
    """Someone who is told what happens to the incident without having it."""

    incident = reference("incidents.Incident", related_name="followers", db_index=False)
    user = _person()
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            *owned("follower", privileges="SELECT, INSERT, DELETE"),
            SameOrganization(name="follower_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "incident", "user"], name="follower_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.incident_id}"


class IncidentLink(OrganizationOwned):
    """Two incidents that hang together, and stay two: ``incident`` is ``kind`` ``other``."""

    class Kind(models.TextChoices):
        RELATED = "related", "is related to"
        CAUSED_BY = "caused_by", "was caused by"
        DUPLICATE = "duplicate", "is like"

    incident = reference("incidents.Incident", related_name="links", db_index=False)
    other = reference("incidents.Incident", related_name="links_from", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.RELATED)

    class Meta:
        constraints = [
            *owned("incident_link", privileges="SELECT, INSERT, DELETE"),
            SameOrganization(name="incident_link_incident", field="incident"),
            SameOrganization(name="incident_link_other", field="other"),
            models.UniqueConstraint(fields=["organization", "incident", "other"], name="incident_link_once"),
            models.CheckConstraint(condition=~Q(incident=models.F("other")), name="incident_link_of_two"),
        ]
        indexes = [models.Index(fields=["organization", "other"], name="incident_link_by_other")]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"{self.incident_id} {self.get_kind_display()} {self.other_id}"


class IncidentTask(OrganizationOwned):
    """Something that is to be done about the incident, during it or after."""

    incident = reference("incidents.Incident", related_name="tasks", db_index=False)
    title = models.CharField(max_length=LONGEST_TASK)
    assignee = _person(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)
    done_by = _person(null=True)

    class Meta:
        constraints = [
            *owned("incident_task", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="incident_task_incident", field="incident"),
        ]
        indexes = [models.Index(fields=["organization", "incident", "created_at"], name="incident_task_by_incident")]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.title


class Postmortem(OrganizationOwned):
    """What was learnt, in Markdown: drafted from the timeline, edited by people, published once it stands."""

    incident = reference("incidents.Incident", related_name="postmortems", db_index=False)
    body = models.TextField()
    # Counts edits, so that nobody overwrites what they have not seen.
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_by = _person(null=True)
    # Empty while it is a draft; an edit after publishing keeps it published.
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = _person(null=True)

    class Meta:
        constraints = [
            *owned("postmortem", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="postmortem_incident", field="incident"),
            models.UniqueConstraint(fields=["organization", "incident"], name="postmortem_once"),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"Postmortem of {self.incident_id}"


class SavedView(OrganizationOwned):
    """A way to look at the list of incidents: the query of its address under a name; one's own, or everyone's."""

    name = models.CharField(max_length=60)
    query = models.CharField(max_length=LONGEST_QUERY)
    owner = _person()
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            *owned("saved_view"),
            models.UniqueConstraint(fields=["organization", "owner", "name"], name="saved_view_name_once"),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name

"""Page drills: whether a way out still leads to somebody, tried before it is needed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from organizations.models import User

WEEKLY = 7


def in_a_week() -> datetime:
    """When a new way is tried for the first time; it was tested when it was made."""
    return timezone.now() + timedelta(days=WEEKLY)


class Drill(OrganizationOwned):
    """One canary through one channel or contact. It is passed when the other side took it, and, for a person, when
    they said that it arrived.
    """

    class State(models.TextChoices):
        PENDING = "pending", "on its way"
        # It left; the person has not said yet that it arrived.
        SENT = "sent", "waits for the person"
        PASSED = "passed", "passed"
        FAILED = "failed", "failed"

    channel = reference("notifications.Channel", related_name="drills", null=True, db_index=False)
    contact = reference("notifications.Contact", related_name="drills", null=True, db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    # Who wanted it now; nobody, where it was its time.
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    tries = models.PositiveSmallIntegerField(default=0)
    # The next attempt, the end of one that nobody finished, or the end of the person's time to answer.
    next_look_at = models.DateTimeField(null=True, default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True, default="")
    failure = models.TextField(blank=True, default="")
    # That was opened because it failed.
    incident = reference("incidents.Incident", null=True, db_index=False)

    class Meta:
        constraints = [
            *owned("drill", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="drill_channel", field="channel"),
            SameOrganization(name="drill_contact", field="contact"),
            SameOrganization(name="drill_incident", field="incident"),
            models.CheckConstraint(
                condition=Q(channel__isnull=False, contact=None) | Q(channel=None, contact__isnull=False),
                name="drill_of_one",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["passed", "failed"], finished_at__isnull=False, next_look_at=None)
                | Q(state__in=["pending", "sent"], finished_at=None, next_look_at__isnull=False),
                name="drill_is_looked_at_until_its_end",
            ),
            models.UniqueConstraint(
                fields=["organization", "channel"], condition=Q(finished_at=None), name="drill_one_a_channel"
            ),
            models.UniqueConstraint(
                fields=["organization", "contact"], condition=Q(finished_at=None), name="drill_one_a_contact"
            ),
        ]
        indexes = [
            models.Index(fields=["next_look_at"], condition=Q(finished_at=None), name="drill_due"),
            models.Index(fields=["organization", "-id"], name="drill_newest"),
        ]

    def __str__(self) -> str:
        return f"drill of {self.name} ({self.state})"

    @property
    def name(self) -> str:
        """Of the way that it tries."""
        return str(self.channel.name if self.channel is not None else self.contact.name)

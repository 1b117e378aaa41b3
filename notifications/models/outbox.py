"""The outbox between an incident's change and the world outside."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import append_only
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from notifications.models.channel import Channel
from notifications.models.contact import Contact


class Delivery(OrganizationOwned):
    """One message to one channel, or to one contact of a person: a row of the outbox, written together with the change
    that it tells of. A step of a person's rules that is due later is such a row with a later time.

    Its id is the message's id, the same on every attempt, so that a receiver can drop what it has already seen.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        # Taken back before it left: somebody has the incident, or it is over.
        CANCELLED = "cancelled"

    channel = reference("notifications.Channel", related_name="deliveries", null=True, db_index=False)
    contact = reference("notifications.Contact", null=True, db_index=False)
    # Empty for a letter, which is about no incident.
    incident = reference("incidents.Incident", null=True, db_index=False)
    event = reference("incidents.TimelineEvent", null=True, db_index=False)
    topic = models.CharField(max_length=30)
    # Of the event on the incident's timeline: messages about an incident leave in this order.
    sequence = models.PositiveIntegerField()
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    # All attempts ever begun. The number of an attempt is also its claim: whoever holds an older one is too late.
    attempt_count = models.PositiveIntegerField(default=0)
    # Attempts since the message was written or last resent by hand; the back-off counts these.
    tries = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    # When it was due before a mute of its incident put it off.
    put_off_from = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    failure = models.TextField(blank=True, default="")
    # What the other side calls the message, where it lets us change it later.
    remote_id = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("delivery", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="delivery_channel", field="channel"),
            SameOrganization(name="delivery_incident", field="incident"),
            SameOrganization(name="delivery_event", field="event"),
            SameOrganization(name="delivery_contact", field="contact"),
            models.UniqueConstraint(fields=["organization", "channel", "event"], name="delivery_once"),
            models.UniqueConstraint(fields=["organization", "contact", "event"], name="delivery_once_a_contact"),
            models.CheckConstraint(
                condition=Q(channel__isnull=False, contact=None) | Q(channel=None, contact__isnull=False),
                name="delivery_to_one",
            ),
            models.CheckConstraint(
                condition=Q(incident__isnull=False, event__isnull=False)
                | Q(incident=None, event=None, contact__isnull=False),
                name="delivery_of_an_event_or_letter",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at=None) | (~Q(state="pending") & Q(finished_at__isnull=False)),
                name="delivery_finished_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
            models.Index(
                fields=["channel", "incident", "sequence"], condition=Q(state="pending"), name="delivery_line"
            ),
            models.Index(fields=["organization", "-id"], name="delivery_newest"),
            models.Index(fields=["organization", "channel", "-id"], name="delivery_by_channel"),
            models.Index(fields=["organization", "incident", "-id"], name="delivery_by_incident"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} ({self.state})"

    @property
    def way(self) -> Channel | Contact:
        """Through what it leaves."""
        way: Channel | Contact | None = self.channel or self.contact
        assert way is not None
        return way


class DeliveryAttempt(OrganizationOwned):
    """What came of one attempt. ``lost``: the worker that made it never came back to say."""

    class Outcome(models.TextChoices):
        DELIVERED = "delivered"
        RETRY = "retry"
        FAILED = "failed"
        LOST = "lost"

    delivery = reference("notifications.Delivery", related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    status_code = models.PositiveSmallIntegerField(null=True)
    # The beginning of what the other side said, or, where it said nothing, what went wrong.
    answer = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            *owned("delivery_attempt", privileges=APPEND_ONLY),
            SameOrganization(name="delivery_attempt_delivery", field="delivery"),
            models.UniqueConstraint(fields=["organization", "delivery", "number"], name="delivery_attempt_once"),
        ]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"

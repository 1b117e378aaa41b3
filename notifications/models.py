"""The inbox, the channels, and the outbox between an incident's change and the world outside."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail, append_only
from incident_center.kernel.constraints import APPEND_ONLY, SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incident_center.kernel.secrets import EncryptedTextField
from incidents.lifecycle import Severity
from notifications.channels.base import Recipient
from notifications.topics import DEFAULT_TOPICS, Topic
from organizations.models import User

SEVERITY_CHOICES = [(severity.value, severity.label) for severity in Severity]


class Notification(OrganizationOwned):
    """One line in a person's inbox: what happened to an incident that concerns them."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    incident = reference("incidents.Incident", db_index=False)
    event = reference("incidents.TimelineEvent", db_index=False)
    topic = models.CharField(max_length=30, choices=[(topic.value, topic.label) for topic in Topic])
    title = models.CharField(max_length=600)
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("notification", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="notification_incident", field="incident"),
            SameOrganization(name="notification_event", field="event"),
            models.UniqueConstraint(fields=["organization", "user", "event"], name="notification_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "user", "-id"], name="notification_newest"),
            models.Index(fields=["organization", "user", "-id"], condition=Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return self.title


def default_topics() -> list[str]:
    return [topic.value for topic in DEFAULT_TOPICS]


class Channel(OrganizationOwned):
    """A way out of the installation: where to, how, and which changes go there."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30)
    # A webhook's address is a credential in itself, so it is kept like one.
    url = EncryptedTextField()
    secret = EncryptedTextField(blank=True, default="")
    # Until it expires, messages are signed with both, so that a receiver can change over without a gap.
    previous_secret = EncryptedTextField(blank=True, default="")
    previous_secret_expires_at = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    events = ArrayField(models.CharField(max_length=30), default=default_topics)
    minimum_severity = models.CharField(max_length=10, choices=SEVERITY_CHOICES, default=Severity.LOW)
    service = reference("organizations.Service", null=True, blank=True)
    environment = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A channel is never deleted: its deliveries are a record. Its address and secrets are wiped.
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            *owned("channel", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="channel_service", field="service"),
            models.UniqueConstraint(
                models.F("organization"), Lower("name"), condition=Q(removed_at=None), name="channel_name_once"
            ),
        ]
        triggers = [AuditTrail(redact=("url", "secret", "previous_secret"))]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether messages may leave through it."""
        return self.enabled and self.removed_at is None

    def recipient(self, now: datetime) -> Recipient:
        """Where messages go, with the secrets that are alive."""
        secrets = [self.secret]
        if self.previous_secret_expires_at is not None and self.previous_secret_expires_at > now:
            secrets.append(self.previous_secret)
        return Recipient(url=self.url, secrets=tuple(secret for secret in secrets if secret))


class Delivery(OrganizationOwned):
    """One message to one channel: a row of the outbox, written together with the change that it tells of.

    Its id is the message's id, the same on every attempt, so that a receiver can drop what it has already seen.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    channel = reference("notifications.Channel", related_name="deliveries", db_index=False)
    incident = reference("incidents.Incident", db_index=False)
    event = reference("incidents.TimelineEvent", db_index=False)
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
    lease_until = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    failure = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("delivery", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="delivery_channel", field="channel"),
            SameOrganization(name="delivery_incident", field="incident"),
            SameOrganization(name="delivery_event", field="event"),
            models.UniqueConstraint(fields=["organization", "channel", "event"], name="delivery_once"),
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

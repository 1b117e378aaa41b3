"""How a person is reached, and in which order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incident_center.kernel.secrets import EncryptedTextField
from notifications.models.drill import WEEKLY, in_a_week
from organizations.models import User

CONTACT_KIND_WORDS = {
    "email": "e-mail",
    "sms": "SMS",
    "voice": "voice call",
    "push": "Web Push",
    "apprise": "message",
}


class Contact(OrganizationOwned):
    """One way to reach a person. Nothing but its own verification is sent there before it is verified."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=20)
    label = models.CharField(max_length=100, blank=True, default="")
    # Empty for the account's own e-mail address, which is read where it stands.
    address = EncryptedTextField(blank=True, default="")
    is_account = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True)
    # SHA-256 of the code that was sent there, with the id before it.
    code_hash = models.BinaryField(max_length=32, null=True)
    code_expires_at = models.DateTimeField(null=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    # Zero: never.
    drill_every_days = models.PositiveSmallIntegerField(default=WEEKLY)
    next_drill_at = models.DateTimeField(null=True, default=in_a_week, editable=False)

    class Meta:
        constraints = [
            *owned("contact", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(
                fields=["organization", "user"],
                condition=Q(is_account=True, removed_at=None),
                name="contact_account_once",
            ),
        ]
        indexes = [models.Index(fields=["organization", "user"], condition=Q(removed_at=None), name="contact_by_user")]
        triggers = [
            AuditTrail(redact=("address", "code_hash"), exclude=("code_tries", "code_expires_at", "next_drill_at")),
        ]

    def __str__(self) -> str:
        return self.label or self.kind

    @property
    def is_open(self) -> bool:
        return self.removed_at is None and self.verified_at is not None

    @property
    def destination(self) -> str:
        """The address in clear."""
        return self.user.email if self.is_account else self.address

    @property
    def name(self) -> str:
        """What stands on the timeline: whom, and by what."""
        return f"{self.user} ({self.get_words()})"

    def get_words(self) -> str:
        """Its kind as it stands in a sentence."""
        return CONTACT_KIND_WORDS.get(self.kind, self.kind)


class NotificationRules(OrganizationOwned):
    """When a person is reached by what: steps by urgency, and hours in which only what is critical may disturb."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        constraints = [
            *owned("notification_rules", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(fields=["organization", "user"], name="notification_rules_once"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="notification_rules_quiet_whole",
            ),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"rules of {self.user_id}"


class NotificationStep(OrganizationOwned):
    """One line of a person's rules: this contact, so many minutes after the page."""

    rules = reference("notifications.NotificationRules", related_name="steps", on_delete=models.CASCADE)
    urgency = models.CharField(max_length=4, choices=[("high", "High"), ("low", "Low")])
    contact = reference("notifications.Contact")
    after_minutes = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            *owned("notification_step"),
            SameOrganization(name="notification_step_rules", field="rules"),
            SameOrganization(name="notification_step_contact", field="contact"),
            models.UniqueConstraint(
                fields=["organization", "rules", "urgency", "contact"], name="notification_step_once"
            ),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"{self.urgency}: after {self.after_minutes} min"

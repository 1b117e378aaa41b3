"""The ways out of the installation."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.models import OrganizationOwned, owned
from incident_center.kernel.secrets import EncryptedTextField
from notifications.channels.base import Recipient
from notifications.models.drill import WEEKLY, in_a_week


class Channel(OrganizationOwned):
    """A way out of the installation: where to, and how. What goes there, routes and escalations say."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30)
    # A webhook's address is a credential in itself, so it is kept like one.
    url = EncryptedTextField()
    # What the other side gave us to speak with, where the kind needs it beside the address.
    credential = EncryptedTextField(blank=True, default="")
    secret = EncryptedTextField(blank=True, default="")
    # Until it expires, messages are signed with both, so that a receiver can change over without a gap.
    previous_secret = EncryptedTextField(blank=True, default="")
    previous_secret_expires_at = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Zero: never.
    drill_every_days = models.PositiveSmallIntegerField(default=WEEKLY)
    next_drill_at = models.DateTimeField(null=True, default=in_a_week, editable=False)
    # A channel is never deleted: its deliveries are a record. Its address and secrets are wiped.
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            *owned("channel", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(
                models.F("organization"), Lower("name"), condition=Q(removed_at=None), name="channel_name_once"
            ),
        ]
        triggers = [AuditTrail(redact=("url", "credential", "secret", "previous_secret"), exclude=("next_drill_at",))]

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
        return Recipient(
            url=self.url, credential=self.credential, secrets=tuple(secret for secret in secrets if secret)
        )

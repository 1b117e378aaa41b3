"""How a channel fares: what its rate limit and its circuit breaker know."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned


class Lane(OrganizationOwned):
    """One for each channel, beside it: it changes with every message, which is nothing for the audit log.

    Locked after deliveries, never before them.
    """

    channel = models.OneToOneField(
        "notifications.Channel", on_delete=models.CASCADE, db_constraint=False, related_name="lane"
    )
    # The token bucket, as it stood at that time; empty: full.
    tokens = models.FloatField(null=True)
    tokens_at = models.DateTimeField(null=True)
    # Failures in a row, and until when nothing is sent because of them, or because the other side asked for it.
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("lane", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="lane_channel", field="channel"),
        ]

    def __str__(self) -> str:
        return f"lane of {self.channel_id}"

"""On-call schedules: rotations in layers, exceptions from them, asked-for swaps, and the feeds of calendars."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.timezone import now

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incidents.schedules.rotation import Rotation, Unit
from organizations.models import User, validate_time_zone

MOST_LAYERS = 20
MOST_PARTICIPANTS = 50
LONGEST_NAME = 200
LONGEST_REASON = 500
#: The years in which schedules are, and are asked for: the last of them is over before LATEST begins.
EARLIEST, LATEST = 2000, 2100


class Schedule(OrganizationOwned):
    """Who is on call when. Its hand-overs follow the clock on the wall of its time zone."""

    name = models.CharField(max_length=LONGEST_NAME)
    description = models.TextField(blank=True, default="")
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            *owned("schedule"),
            models.UniqueConstraint(F("organization"), Lower("name"), name="schedule_name_once"),
        ]
        triggers = [AuditTrail(exclude=("updated_at",))]

    def __str__(self) -> str:
        return self.name


class ScheduleLayer(OrganizationOwned):
    """People who take turns, and when. Of several layers the one with the lower position wins where both have someone.

    What the fields mean together, ``incidents.schedules.rotation`` and ``restrictions`` say.
    """

    schedule = reference("incidents.Schedule", on_delete=models.CASCADE, related_name="layers", db_index=False)
    name = models.CharField(max_length=LONGEST_NAME)
    position = models.PositiveSmallIntegerField()
    # User ids in the order of their turns. People stand outside the wall; the actions check whose they are.
    participants = ArrayField(models.UUIDField(), default=list)
    rotation = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Rotation])
    # A turn is ``interval`` of these; days for a daily and weeks for a weekly rotation.
    unit = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Unit])
    interval = models.PositiveSmallIntegerField(default=1)
    handover_time = models.TimeField()
    # 0 is Monday; None for rotations that do not count weeks, and for the weekday of ``starts_at``.
    handover_weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    # As ``incidents.schedules.restrictions`` reads them; empty is always.
    restrictions = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("schedule_layer"),
            SameOrganization(name="schedule_layer_schedule", field="schedule"),
            models.UniqueConstraint(
                fields=["organization", "schedule", "position"],
                name="schedule_layer_position_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=Q(interval__gte=1), name="schedule_layer_interval_positive"),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="schedule_layer_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(handover_weekday=None) | Q(handover_weekday__lte=6), name="schedule_layer_weekday_known"
            ),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name


class ScheduleOverride(OrganizationOwned):
    """One person instead of whatever the layers say. Of two at the same time the later made one holds."""

    class Origin(models.TextChoices):
        PLANNED = "planned"
        TAKEN = "taken"
        SWAPPED = "swapped"
        IMPORTED = "imported"

    schedule = reference("incidents.Schedule", on_delete=models.CASCADE, related_name="overrides", db_index=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=LONGEST_REASON, blank=True, default="")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PLANNED)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("schedule_override"),
            SameOrganization(name="schedule_override_schedule", field="schedule"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="schedule_override_ends_after_start"),
        ]
        indexes = [models.Index(fields=["organization", "schedule", "ends_at"], name="schedule_override_by_end")]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"{self.user} from {self.starts_at} to {self.ends_at}"


class ShiftSwap(OrganizationOwned):
    """A person's request that another take a shift, and perhaps give one of theirs in return."""

    class State(models.TextChoices):
        ASKED = "asked"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    schedule = reference("incidents.Schedule", on_delete=models.CASCADE, related_name="swaps", db_index=False)
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    # None: whoever accepts first.
    asked = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # What the requester takes over in return; both or neither.
    return_starts_at = models.DateTimeField(null=True)
    return_ends_at = models.DateTimeField(null=True)
    message = models.CharField(max_length=LONGEST_REASON, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("shift_swap"),
            SameOrganization(name="shift_swap_schedule", field="schedule"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="shift_swap_ends_after_start"),
            models.CheckConstraint(
                condition=Q(return_starts_at=None, return_ends_at=None)
                | Q(return_ends_at__gt=F("return_starts_at"), asked__isnull=False),
                name="shift_swap_returns_a_whole_shift",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at=None) | (~Q(state="asked") & Q(decided_at__isnull=False)),
                name="shift_swap_decided_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "schedule", "ends_at"], condition=Q(state="asked"), name="swap_waiting"
            )
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return f"{self.state} swap of {self.requester}"


class CalendarFeed(OrganizationOwned):
    """A secret address under which a calendar program reads shifts: a schedule's, or, without one, a person's own.

    It lives while the person is a member whose role may read schedules; a new one ends the old.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    schedule = reference("incidents.Schedule", on_delete=models.CASCADE, null=True, db_index=False)
    # SHA-256 of a 256-bit secret.
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            *owned("calendar_feed"),
            SameOrganization(name="calendar_feed_schedule", field="schedule"),
            models.UniqueConstraint(
                fields=["organization", "user", "schedule"], nulls_distinct=False, name="calendar_feed_once"
            ),
        ]
        triggers = [AuditTrail(redact=("token_hash",))]

    def __str__(self) -> str:
        return f"feed of {self.user}"

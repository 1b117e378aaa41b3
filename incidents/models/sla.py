"""Service levels: policies, the calendars that they count in, and the clocks of incidents."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from incidents.lifecycle import Status
from incidents.sla.business_hours import BusinessHours
from incidents.sla.clock import Clock, Run
from incidents.sla.holiday_calendar import holidays_of
from organizations.models import User


class BusinessCalendar(OrganizationOwned):
    """When a clock counts: the hours of each weekday in a time zone, without holidays."""

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64)
    # Monday first, seven lists of ["09:00", "17:00"].
    week = models.JSONField()
    # ISO 3166-1 alpha-2, and the holidays library's name of a part of that country; empty for none.
    country = models.CharField(max_length=2, blank=True, default="")
    subdivision = models.CharField(max_length=20, blank=True, default="")
    # [{"date": "2026-12-24", "name": "Christmas Eve"}]
    extra_holidays = models.JSONField(default=list)

    class Meta:
        constraints = [
            *owned("business_calendar"),
            models.UniqueConstraint(models.F("organization"), Lower("name"), name="business_calendar_name_once"),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name

    def frozen(self) -> dict[str, Any]:
        """The hours as a clock keeps them: a clock does not change when its calendar does, unless told to."""
        return {
            "timezone": self.timezone,
            "week": self.week,
            "country": self.country,
            "subdivision": self.subdivision,
            "extra_holidays": [one["date"] for one in self.extra_holidays],
        }


def hours_of(frozen: dict[str, Any] | None) -> BusinessHours | None:
    """The business hours in ``BusinessCalendar.frozen``'s form; None is around the clock."""
    if frozen is None:
        return None
    week = tuple(tuple((_minute(opens), _minute(closes)) for opens, closes in day) for day in frozen["week"])
    extra = frozenset(date.fromisoformat(day) for day in frozen["extra_holidays"])
    return BusinessHours(
        timezone=frozen["timezone"],
        week=week,
        holidays=holidays_of(frozen["country"], frozen["subdivision"]) | extra,
    )


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


class SlaPolicy(OrganizationOwned):
    """Targets by priority, or, of kind regulatory, the milestones of a reporting duty."""

    class Kind(models.TextChoices):
        SERVICE = "service", "Service level"
        REGULATORY = "regulatory", "Regulatory"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.SERVICE)
    description = models.TextField(blank=True, default="")
    # Where the duty comes from: a law, or a contract.
    source = models.CharField(max_length=300, blank=True, default="")
    is_default = models.BooleanField(default=False)
    calendar = reference("incidents.BusinessCalendar", null=True, blank=True)
    # {"P1": {"response_minutes": 15, "resolution_minutes": 240}, …}
    targets = models.JSONField(default=dict)
    # incidents.sla.regulatory.Milestone
    milestones = models.JSONField(default=list)
    # The resolution clock stands still while the incident has one of these statuses.
    pause_while = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    # A warning goes out when so much of a target is used up.
    warn_percent = models.PositiveSmallIntegerField(default=75)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A policy that clocks were started by is kept for the record.
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            *owned("sla_policy", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="sla_policy_calendar", field="calendar"),
            models.UniqueConstraint(
                models.F("organization"), Lower("name"), condition=Q(removed_at=None), name="sla_policy_name_once"
            ),
            models.UniqueConstraint(
                fields=["organization"], condition=Q(is_default=True, removed_at=None), name="sla_policy_one_default"
            ),
        ]
        triggers = [AuditTrail()]

    def __str__(self) -> str:
        return self.name


class ServiceSla(OrganizationOwned):
    """The policy of a service, where it is not the organization's default."""

    service = reference("organizations.Service", on_delete=models.CASCADE, db_index=False)
    policy = reference("incidents.SlaPolicy")

    class Meta:
        constraints = [
            *owned("service_sla"),
            SameOrganization(name="service_sla_service", field="service"),
            SameOrganization(name="service_sla_policy", field="policy"),
            models.UniqueConstraint(fields=["organization", "service"], name="service_sla_once"),
        ]
        triggers = [AuditTrail()]


class SlaClock(OrganizationOwned):
    """One promise on one incident: by when, under which hours, and what became of it.

    ``next_check_at`` is what the sweep looks for: the warning, then the breach, then nothing.
    """

    class Kind(models.TextChoices):
        RESPONSE = "response", "Response"
        RESOLUTION = "resolution", "Resolution"
        MILESTONE = "milestone", "Milestone"

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"

    class Outcome(models.TextChoices):
        MET = "met"
        MISSED = "missed"
        CANCELLED = "cancelled"

    incident = reference("incidents.Incident", related_name="sla_clocks", db_index=False)
    policy = reference("incidents.SlaPolicy")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # Of a milestone; empty for the other two.
    name = models.CharField(max_length=100, blank=True, default="")
    citation = models.CharField(max_length=300, blank=True, default="")
    target_seconds = models.PositiveBigIntegerField()
    hours = models.JSONField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    # [[start, end or null], …] in RFC 3339.
    runs = models.JSONField(default=list)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    warn_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    # The moment at which it was due and not met, not the moment at which we noticed.
    breached_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    # Of a milestone: what was sent to whom, and who says so.
    evidence = models.TextField(blank=True, default="")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            *owned("sla_clock", privileges="SELECT, INSERT, UPDATE"),
            SameOrganization(name="sla_clock_incident", field="incident"),
            SameOrganization(name="sla_clock_policy", field="policy"),
            models.UniqueConstraint(
                fields=["organization", "incident", "kind", "policy", "name"],
                condition=Q(kind="milestone"),
                name="sla_clock_milestone_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "incident", "kind"],
                condition=~Q(kind="milestone"),
                name="sla_clock_kind_once",
            ),
            models.CheckConstraint(
                condition=(Q(state="stopped", stopped_at__isnull=False) & ~Q(outcome=""))
                | (~Q(state="stopped") & Q(stopped_at=None, outcome="")),
                name="sla_clock_stopped_has_outcome",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="sla_clock_next_check"
            ),
            models.Index(fields=["organization", "incident"], name="sla_clock_by_incident"),
            models.Index(
                fields=["organization", "stopped_at"],
                condition=Q(stopped_at__isnull=False),
                name="sla_clock_stopped",
            ),
            models.Index(
                fields=["organization", "-breached_at"],
                condition=Q(breached_at__isnull=False),
                name="sla_clock_breached",
            ),
        ]
        triggers = [AuditTrail(exclude=("next_check_at", "warn_at", "warned_at", "runs"))]

    def __str__(self) -> str:
        return f"{self.label} by {self.due_at}"

    @property
    def label(self) -> str:
        return self.name or self.get_kind_display()

    @property
    def target(self) -> timedelta:
        return timedelta(seconds=self.target_seconds)

    @property
    def clock(self) -> Clock:
        """The mathematics over this row."""
        runs = tuple(
            Run(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None) for start, end in self.runs
        )
        return Clock(self.target, hours_of(self.hours), runs)

    def hold(self, clock: Clock, *, warn_percent: int) -> None:
        """Takes over the runs and target of ``clock`` and what follows from them: when it is due, and checked next."""
        self.hold_runs(clock)
        self.target_seconds = int(clock.target.total_seconds())
        self.due_at = clock.due_at()
        self.warn_at = clock.reaches(clock.target * warn_percent / 100)
        self.plan_check()

    def hold_runs(self, clock: Clock) -> None:
        """Takes over only when it ran."""
        self.runs = [[run.start.isoformat(), run.end.isoformat() if run.end else None] for run in clock.runs]

    def plan_check(self) -> None:
        """Sets when the sweep has to look next: only a running clock falls due."""
        if self.state != self.State.RUNNING or self.breached_at is not None:
            self.next_check_at = None
        elif self.warned_at is None and self.warn_at is not None:
            self.next_check_at = self.warn_at
        else:
            self.next_check_at = self.due_at

    @property
    def is_stopped(self) -> bool:
        return self.state == self.State.STOPPED


#: Statuses in which a resolution clock may be told to stand still.
PAUSABLE = (Status.INVESTIGATING, Status.MITIGATED)

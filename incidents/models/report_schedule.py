"""Reports that are made and told of regularly."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.models import OrganizationOwned, owned
from incidents.models.report import LONGEST_REPORT_QUERY, LONGEST_SCHEDULE_NAME, REPORT_FORMS
from incidents.reports.cadence import LAST_DAY, Cadence, Every
from organizations.models import User

MOST_RECIPIENTS = 50
LAST_WEEKDAY, LAST_HOUR = 6, 23


class ReportSchedule(OrganizationOwned):
    """Which report, how often, and who is told of it by e-mail. Paused, it is due at no time."""

    name = models.CharField(max_length=LONGEST_SCHEDULE_NAME)
    form = models.CharField(max_length=3, choices=REPORT_FORMS)
    # The filters, as in the address of GET /v1/reports/incidents, without days: those come from the calendar.
    query = models.CharField(max_length=LONGEST_REPORT_QUERY, blank=True, default="")
    every = models.CharField(max_length=5, choices=[(each.value, each.value) for each in Every])
    # 0 is Monday; of the two the one that fits is set.
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    day = models.PositiveSmallIntegerField(null=True, blank=True)
    # On the clock of the organization's time zone.
    hour = models.PositiveSmallIntegerField()
    # Ids of users. Whether they may still read reports is looked at whenever one is sent.
    recipients = ArrayField(models.UUIDField())
    # The reports are made with what this person may see.
    responsible = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    is_active = models.BooleanField(default=True)
    # None while it is paused.
    next_at = models.DateTimeField(null=True)
    # Why it pauses, where nobody chose that it does.
    pause_reason = models.CharField(max_length=300, blank=True, default="")
    last_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *owned("report_schedule"),
            models.CheckConstraint(
                condition=Q(every=Every.WEEK, weekday__lte=LAST_WEEKDAY, day=None)
                | Q(every=Every.MONTH, weekday=None, day__gte=1, day__lte=LAST_DAY),
                name="report_schedule_day_known",
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, next_at__isnull=False) | Q(is_active=False, next_at=None),
                name="report_schedule_paused_is_never_due",
            ),
            models.CheckConstraint(condition=Q(hour__lte=LAST_HOUR), name="report_schedule_hour_known"),
        ]
        indexes = [models.Index(fields=["next_at"], name="report_schedule_due")]
        triggers = [AuditTrail(exclude=("next_at", "last_at"))]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        return not self.is_active

    def cadence(self, zone: ZoneInfo) -> Cadence:
        on = self.weekday if self.every == Every.WEEK else self.day
        assert on is not None
        return Cadence(Every(self.every), on, self.hour, zone)

"""Reports that a worker makes, kept until they expire.

The files are in the database, in pieces: every web server and every worker reaches them, they are behind the same wall
as the incidents that they are made of, a backup has them, and they go when their row goes.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, owned, reference
from organizations.models import User

LONGEST_REPORT_QUERY = 2_000
LONGEST_SCHEDULE_NAME = 100
REPORT_FORMS = [("csv", "CSV"), ("pdf", "PDF")]


class ReportFile(OrganizationOwned):
    """One report: asked for, under way, finished, or failed. Gone when it expires."""

    form = models.CharField(max_length=3, choices=REPORT_FORMS)
    # The filters, as in the address of GET /v1/reports/incidents.
    query = models.CharField(max_length=LONGEST_REPORT_QUERY, blank=True, default="")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Of a scheduled report: the name of its schedule, and the ids of the users who are told when it is there.
    schedule_name = models.CharField(max_length=LONGEST_SCHEDULE_NAME, blank=True, default="")
    recipients = ArrayField(models.UUIDField(), default=list, blank=True)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    # A worker renews this while it is at it; a report whose time is up has lost its worker.
    claimed_until = models.DateTimeField(null=True)
    incidents = models.PositiveBigIntegerField(default=0)
    written = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    # Why there is no file, in words; empty where there is one, or may be.
    failure = models.CharField(max_length=500, blank=True, default="")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [*owned("report_file")]
        indexes = [
            models.Index(fields=["organization", "-requested_at"], name="report_file_newest"),
            models.Index(fields=["requested_at"], condition=models.Q(finished_at=None), name="report_file_due"),
            models.Index(fields=["expires_at"], name="report_file_expiry"),
        ]

    def __str__(self) -> str:
        return f"Incidents as {self.form.upper()}"

    @property
    def is_ready(self) -> bool:
        return self.finished_at is not None and not self.failure

    @property
    def name(self) -> str:
        return f"incidents-{self.requested_at:%Y%m%d-%H%M%S}.{self.form}"

    @property
    def percent(self) -> int:
        """How much of it is written."""
        return min(100, self.written * 100 // self.incidents) if self.incidents else 0


class ReportPiece(OrganizationOwned):
    """A part of the file, in its place."""

    file = reference("incidents.ReportFile", on_delete=models.CASCADE, related_name="pieces", db_index=False)
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            *owned("report_piece", privileges="SELECT, INSERT, DELETE"),
            SameOrganization(name="report_piece_file", field="file"),
            models.UniqueConstraint(fields=["organization", "file", "position"], name="report_piece_once"),
        ]

    def __str__(self) -> str:
        return f"piece {self.position} of {self.file_id}"

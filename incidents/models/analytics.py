"""What analytics keeps of each day, so that a year is answered at once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from incident_center.kernel.constraints import SameOrganization
from incident_center.kernel.models import OrganizationOwned, OrganizationScoped, owned, reference


class DailyFigure(OrganizationScoped):
    """How many facts (``incidents.analytics.facts``) a day has by measure and key, and the sum of their seconds.

    For each service, none being one of them, and once more for all together.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    service = reference("organizations.Service", null=True, db_index=False)
    is_total = models.BooleanField()
    measure = models.CharField(max_length=30)
    key = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    seconds = models.FloatField()

    class Meta:
        constraints = [
            *owned("daily_figure", privileges="SELECT, INSERT, DELETE"),
            SameOrganization(name="daily_figure_service", field="service"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "measure", "day"],
                include=["key", "number", "seconds"],
                condition=Q(is_total=True),
                name="daily_figure_total",
            ),
            models.Index(
                fields=["organization", "measure", "day"],
                include=["service", "number", "seconds"],
                condition=Q(is_total=False),
                name="daily_figure_by_service",
            ),
            models.Index(
                fields=["organization", "service", "measure", "day"],
                include=["key", "number", "seconds"],
                condition=Q(is_total=False),
                name="daily_figure_of_service",
            ),
            models.Index(fields=["organization", "day"], name="daily_figure_day"),
        ]


class ChangedDay(OrganizationScoped):
    """A day whose figures no longer hold. Written in the transaction of the change; several rows for a day are one."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()

    class Meta:
        constraints = [*owned("changed_day", privileges="SELECT, INSERT, DELETE")]


class FiguresState(OrganizationOwned):
    """One row for an organization: by which clocks its days were counted. Whoever counts, locks it."""

    timezone = models.CharField(max_length=64)

    class Meta:
        constraints = [
            *owned("figures_state", privileges="SELECT, INSERT, UPDATE"),
            models.UniqueConstraint(fields=["organization"], name="figures_state_one"),
        ]

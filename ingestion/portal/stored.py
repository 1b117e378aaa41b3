"""What an organization's logs amount to, and how long they stay: for its settings page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Max, Min, Sum

from ingestion.models import LogMinute
from organizations.members import Member
from organizations.portal.settings_sections import SettingsSection


@dataclass(frozen=True, slots=True)
class StoredLogs:
    """The logs of one retention class. Counted about a second behind the stream."""

    retention_days: int
    logs: int
    first_day: date
    last_day: date

    @property
    def next_dropped_on(self) -> date:
        """The day on which the oldest of them go."""
        return self.first_day + timedelta(days=self.retention_days + 1)


def stored_logs() -> list[StoredLogs]:
    """By class, the shortest first; in the organization of the open scope."""
    by_class = (
        LogMinute.objects.values("retention_days")
        .annotate(
            logs=Sum("debug") + Sum("info") + Sum("warn") + Sum("error") + Sum("fatal"),
            first=Min("minute"),
            last=Max("minute"),
        )
        .order_by("retention_days")
    )
    return [StoredLogs(row["retention_days"], row["logs"], row["first"].date(), row["last"].date()) for row in by_class]


def settings_section(member: Member) -> SettingsSection:
    """The card on the organization's settings page."""
    stored = stored_logs()
    return SettingsSection(
        "ingestion/settings_section.html",
        {
            "retention_days": member.organization.log_retention_days,
            "stored": stored,
            "other_classes": [one for one in stored if one.retention_days != member.organization.log_retention_days],
            "archive_days": settings.LOG_ARCHIVE_DAYS,
        },
    )

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import connection, transaction
from django.utils import timezone

from incident_center.kernel.scope import require_organization_id
from incidents.analytics.facts import FACTS, parameters_of
from incidents.analytics.period import day_of
from incidents.analytics.selectors import organization_timezone
from incidents.models import ChangedDay, DailyFigure, FiguresState

_COUNT = f"""
INSERT INTO incidents_dailyfigure (organization_id, day, service_id, is_total, measure, key, number, seconds)
SELECT %(organization)s, day, service_id, grouping(service_id) = 1, measure, key, count(*), sum(seconds)
  FROM ({FACTS}) AS fact
 GROUP BY GROUPING SETS ((day, service_id, measure, key), (day, measure, key))
"""  # noqa: S608  Constants of ours.
# A reporting duty may have begun before its incident was opened.
_FIRST_FACT = """
SELECT least((SELECT min(opened_at) FROM incidents_incident WHERE organization_id = %(organization)s),
             (SELECT min(breached_at) FROM incidents_slaclock WHERE organization_id = %(organization)s),
             (SELECT min(stopped_at) FROM incidents_slaclock WHERE organization_id = %(organization)s))
"""


def days_mark_changed(days: Iterable[date]) -> None:
    """Says that the figures of these days no longer hold; part of the transaction of the change.

    Rows are only ever added here: two transactions that touch the same day do not wait for each other.
    """
    ChangedDay.objects.bulk_create(ChangedDay(day=day) for day in sorted(set(days)))


def figures_roll_up(*, most_days: int) -> int:
    """Counts up to ``most_days`` changed days anew, the latest first; how many that were.

    The marks are deleted before the facts are read: a change that is committed in between is seen, and one that is
    committed later brings a mark of its own. Where the organization's days are not (or no longer) those that were
    counted, all of them are marked.
    """
    with transaction.atomic():
        zone, organization_id = organization_timezone(), require_organization_id()
        state, is_new = FiguresState.objects.select_for_update().get_or_create(defaults={"timezone": zone})
        if is_new or state.timezone != zone:
            state.timezone = zone
            state.save()
            _begin_anew(zone, organization_id)
        days = list(ChangedDay.objects.order_by("-day").values_list("day", flat=True).distinct()[:most_days])
        if days:
            ChangedDay.objects.filter(day__in=days).delete()
            DailyFigure.objects.filter(day__in=days).delete()
            with connection.cursor() as cursor:
                cursor.execute(_COUNT, parameters_of(days, zone, organization_id))
    return len(days)


def _begin_anew(zone: str, organization_id: int) -> None:
    DailyFigure.objects.all().delete()
    ChangedDay.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_FACT, {"organization": organization_id})
        earliest = cursor.fetchone()[0]
    if earliest is not None:
        first, today = day_of(earliest, zone), day_of(timezone.now(), zone)
        days_mark_changed(first + timedelta(days=number) for number in range((today - first).days + 1))

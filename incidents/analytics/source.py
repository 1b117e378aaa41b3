"""Counting facts: the one place that figures are read from.

Days that were counted before are read from ``DailyFigure``; those that changed since, from the incidents themselves.
So an answer is never behind, however far the counting is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from incident_center.kernel.scope import require_organization_id
from incidents.analytics.facts import FACTS, Measure, parameters_of
from incidents.analytics.period import Period
from incidents.models import ChangedDay, FiguresState

_DIRECT = f"""
SELECT day, service_id, measure, key, 1 AS number, seconds FROM ({FACTS}) AS fact
 WHERE measure = ANY(%(measures)s) AND (%(services)s::bigint[] IS NULL OR service_id = ANY(%(services)s))
"""  # noqa: S608  Constants of ours.
_KEPT = """
SELECT day, service_id, measure, key, number, seconds FROM incidents_dailyfigure
 WHERE organization_id = %(organization)s AND measure = ANY(%(measures)s)
   AND day BETWEEN %(first)s AND %(last)s AND NOT day = ANY(%(days)s) AND
"""
_TOTAL, _BY_SERVICE, _OF_SERVICES = "is_total", "NOT is_total", "NOT is_total AND service_id = ANY(%(services)s)"


@dataclass(frozen=True)
class Choice:
    """Which days, and of which services; None is all, and what belongs to no service."""

    period: Period
    services: tuple[int, ...] | None = None


def counted(choice: Choice, measures: Iterable[Measure], *, by: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of the columns that ``by`` names, then how many facts there were and the sum of their seconds.

    ``by`` are some of day, service_id, measure and key.
    """
    return counted_with(choice, measures, by=by, changed=changed_days(choice.period))


def counted_with(
    choice: Choice, measures: Iterable[Measure], *, by: Sequence[str], changed: Sequence[date]
) -> list[tuple[Any, ...]]:
    """As ``counted``; the ``changed`` days are counted from the incidents."""
    period, columns = choice.period, ", ".join(by)
    relations = [_DIRECT] if changed else []
    if len(changed) < len(period.days):
        relations.append(_KEPT + _rows_for(choice, by))
    statement = f"""
        SELECT {columns}, sum(number), sum(seconds) FROM ({" UNION ALL ".join(relations)}) AS counted
         GROUP BY {columns}
    """  # noqa: S608  Columns and relations are ours; what comes from outside is a parameter.
    parameters = parameters_of(changed, period.timezone, require_organization_id()) | {
        "measures": [str(each) for each in measures],
        "services": None if choice.services is None else list(choice.services),
        "first": period.first,
        "last": period.last,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def changed_days(period: Period) -> list[date]:
    """The days of the period that are not, or not rightly, counted yet: all, where they begin by other clocks."""
    state = FiguresState.objects.filter(timezone=period.timezone)
    if not state.exists():
        return period.days
    changed = ChangedDay.objects.filter(day__range=(period.first, period.last))
    return list(changed.values_list("day", flat=True).distinct())


def _rows_for(choice: Choice, by: Sequence[str]) -> str:
    if choice.services is not None:
        return _OF_SERVICES
    return _BY_SERVICE if "service_id" in by else _TOTAL

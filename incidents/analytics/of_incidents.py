"""The figures of some incidents instead of some days: what a report says of those that it lists.

They are counted from the same facts as all others (``incidents.analytics.facts``), on whatever days these fall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet

from incidents.analytics.facts import Measure, facts_of
from incidents.analytics.figures import Attainment, Group
from incidents.analytics.selectors import DECIDED, add, decide
from incidents.lifecycle import SEVERITY_ORDER, Status
from incidents.models import Incident, SlaClock

_COUNTED = (Measure.OPENED, Measure.ACKNOWLEDGED, Measure.RESOLVED, *DECIDED)
#: The finest steps of a trend that make no more than this many.
MOST_STEPS = 16


@dataclass
class Step:
    """A day, week, month or year of the trend."""

    label: str
    group: Group


@dataclass
class SetFigures:
    """What the incidents are now, and what became of them; ``undecided`` counts running clocks by kind."""

    whole: Group
    severities: dict[str, Group]
    statuses: Counter[str]
    kinds: dict[str, Attainment]
    undecided: Counter[str]
    step: str
    trend: list[Step]


def figures_of(incidents: QuerySet[Incident], *, timezone: str) -> SetFigures:
    """Of all of the incidents; three queries."""
    incidents = incidents.order_by().select_related(None).prefetch_related(None)
    whole, severities = Group(), {str(severity): Group(name=severity) for severity in reversed(SEVERITY_ORDER)}
    kinds = {str(kind): Attainment(name=kind.label) for kind in SlaClock.Kind}
    days: dict[date, Group] = {}
    for day, measure, key, number, seconds in _counted(incidents, _COUNTED, timezone):
        if measure in DECIDED:
            decide(kinds[key], measure, number)
            continue
        for group in (whole, severities[key], days.setdefault(day, Group())):
            add(group, measure, number, seconds)
    step, trend = _trend(days)
    running = SlaClock.objects.filter(incident__in=incidents.values("pk"), outcome="", breached_at=None)
    return SetFigures(
        whole=whole,
        severities=severities,
        statuses=Counter({str(status): 0 for status in Status} | _by(incidents, "status")),
        kinds=kinds,
        undecided=Counter(_by(running, "kind")),
        step=step,
        trend=trend,
    )


def _by(rows: QuerySet[Any], column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(number=Count("pk")))


def _counted(incidents: QuerySet[Incident], measures: Iterable[Measure], timezone: str) -> list[tuple[Any, ...]]:
    """Rows of day, measure and key, then how many facts there were and the sum of their seconds."""
    ids = connection.ops.compose_sql(*incidents.values("id").query.sql_with_params())  # type: ignore[attr-defined]
    statement = f"""
        SELECT day, measure, key, count(*), sum(seconds) FROM ({facts_of(ids.replace("%", "%%"))}) AS fact
         WHERE measure = ANY(%(measures)s) GROUP BY day, measure, key
    """  # noqa: S608  The ids' query has its parameters bound by the driver.
    with connection.cursor() as cursor:
        cursor.execute(statement, {"measures": [str(each) for each in measures], "timezone": timezone})
        return cursor.fetchall()


# ---- The trend -----------------------------------------------------------------------------------------------------


def _day(day: date) -> date:
    return day


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)


def _year(day: date) -> date:
    return day.replace(month=1, day=1)


#: What each is called, the first of the days that are in the same, and how that is written.
_STEPS = (("day", _day, "%d %b"), ("week", _week, "%d %b"), ("month", _month, "%b %Y"), ("year", _year, "%Y"))


def _trend(days: dict[date, Group]) -> tuple[str, list[Step]]:
    """Each thing in the step in which it happened: the finest steps that are few enough, or the newest years."""
    fitting = (each for each in _STEPS if len({each[1](day) for day in days}) <= MOST_STEPS)
    name, first_of, form = next(fitting, _STEPS[-1])
    firsts = sorted({first_of(day) for day in days})[-MOST_STEPS:]
    steps = {first: Step(first.strftime(form), Group()) for first in firsts}
    for day, group in days.items():
        if step := steps.get(first_of(day)):
            step.group.opened += group.opened
            step.group.time_to_acknowledge.add(group.acknowledged, group.time_to_acknowledge.total_seconds)
            step.group.time_to_resolve.add(group.resolved, group.time_to_resolve.total_seconds)
    return name, list(steps.values())

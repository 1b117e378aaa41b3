"""The figures over a report's incidents. Everything that a report counts is counted here.

Times to acknowledge and to resolve run from the opening, as in ``incidents.analytics.definitions``; a trend puts
an incident where it was opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, F, Max, Min, Q, QuerySet
from django.db.models.functions import TruncDay, TruncMonth, TruncWeek, TruncYear
from django.db.models.functions.datetime import TruncBase

from incidents.lifecycle import Severity, Status
from incidents.models import Incident, SlaClock

TO_ACKNOWLEDGE = F("acknowledged_at") - F("opened_at")
TO_RESOLVE = F("resolved_at") - F("opened_at")
#: The finest steps of a trend that make no more than this many.
MOST_STEPS = 16
_STEPS: tuple[tuple[timedelta, type[TruncBase], str, str], ...] = (
    (timedelta(days=1), TruncDay, "%d %b", "day"),
    (timedelta(days=7), TruncWeek, "%d %b", "week"),
    (timedelta(days=31), TruncMonth, "%b %Y", "month"),
    (timedelta(days=366), TruncYear, "%Y", "year"),
)


@dataclass(frozen=True)
class Attainment:
    """How many promises of one kind were kept, of those that were decided."""

    kind: str
    met: int
    missed: int
    undecided: int


@dataclass(frozen=True)
class Step:
    """One bar of the trend; durations are means, None where no incident had got so far."""

    label: str
    opened: int
    to_acknowledge: timedelta | None
    to_resolve: timedelta | None


@dataclass(frozen=True)
class Figures:
    total: int
    by_severity: dict[Severity, int]
    by_status: dict[Status, int]
    to_acknowledge: timedelta | None
    """MTTA over the incidents that were acknowledged."""
    to_resolve: timedelta | None
    """MTTR over the incidents that were resolved."""
    attainment: list[Attainment]
    step: str
    trend: list[Step]


def figures_of(incidents: QuerySet[Incident], *, zone: ZoneInfo) -> Figures:
    """Counts once over the incidents and once over their clocks."""
    incidents = incidents.order_by().select_related(None).prefetch_related(None)
    counts: dict[str, Any] = {f"severity_{one.value}": Count("pk", filter=Q(severity=one)) for one in Severity}
    counts |= {f"status_{one.value}": Count("pk", filter=Q(status=one)) for one in Status}
    found = incidents.aggregate(
        total=Count("pk"),
        first=Min("opened_at"),
        last=Max("opened_at"),
        to_acknowledge=Avg(TO_ACKNOWLEDGE),
        to_resolve=Avg(TO_RESOLVE),
        **counts,
    )
    step, trend = _trend(incidents, found["first"], found["last"], zone)
    return Figures(
        total=found["total"],
        by_severity={one: found[f"severity_{one.value}"] for one in reversed(Severity)},
        by_status={one: found[f"status_{one.value}"] for one in Status},
        to_acknowledge=found["to_acknowledge"],
        to_resolve=found["to_resolve"],
        attainment=list(_attainment(incidents)),
        step=step,
        trend=trend,
    )


def _trend(
    incidents: QuerySet[Incident], first: datetime | None, last: datetime | None, zone: ZoneInfo
) -> tuple[str, list[Step]]:
    if first is None or last is None:
        return "day", []
    fitting = (each for each in _STEPS if (last - first) / each[0] < MOST_STEPS)
    _, truncate, label, name = next(fitting, _STEPS[-1])
    rows = (
        incidents.annotate(step=truncate("opened_at", tzinfo=zone))
        .values("step")
        .annotate(opened=Count("pk"), to_acknowledge=Avg(TO_ACKNOWLEDGE), to_resolve=Avg(TO_RESOLVE))
        .order_by("step")
    )
    return name, [
        Step(row["step"].strftime(label), row["opened"], row["to_acknowledge"], row["to_resolve"])
        for row in rows[: MOST_STEPS + 1]
    ]


def _attainment(incidents: QuerySet[Incident]) -> Iterable[Attainment]:
    """A promise is missed from the moment on at which it was due, not only when its clock stops."""
    clocks = SlaClock.objects.filter(incident__in=incidents.values("pk"))
    missed = Q(outcome=SlaClock.Outcome.MISSED) | Q(outcome="", breached_at__isnull=False)
    met = Q(outcome=SlaClock.Outcome.MET)
    rows = (
        clocks.exclude(outcome=SlaClock.Outcome.CANCELLED)
        .values("kind")
        .annotate(
            met=Count("pk", filter=met),
            missed=Count("pk", filter=missed),
            undecided=Count("pk", filter=Q(outcome="", breached_at=None)),
        )
    )
    by_kind = {row["kind"]: row for row in rows}
    for kind in SlaClock.Kind:
        if row := by_kind.get(kind.value):
            yield Attainment(kind.label, row["met"], row["missed"], row["undecided"])

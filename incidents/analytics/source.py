"""Counting facts: the one place that figures are read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from incident_center.kernel.scope import require_organization_id
from incidents.analytics.facts import FACTS, Measure, parameters_of
from incidents.analytics.period import Period


@dataclass(frozen=True)
class Choice:
    """Which days, and of which services; None is all, and what belongs to no service."""

    period: Period
    services: tuple[int, ...] | None = None


def counted(choice: Choice, measures: Iterable[Measure], *, by: Sequence[str]) -> list[tuple]:
    """Rows of the columns that ``by`` names, then how many facts there were and the sum of their seconds.

    ``by`` are some of day, service_id, measure and key.
    """
    columns = ", ".join(by)
    services = "" if choice.services is None else "AND service_id = ANY(%(services)s)"
    statement = f"""
        SELECT {columns}, count(*), sum(seconds) FROM ({FACTS}) AS fact
         WHERE measure = ANY(%(measures)s) {services} GROUP BY {columns}
    """  # noqa: S608  Columns and relation are ours; what comes from outside is a parameter.
    parameters = parameters_of(choice.period.days, choice.period.timezone, require_organization_id())
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {**parameters, "measures": [str(each) for each in measures], "services": list(choice.services or ())},
        )
        return cursor.fetchall()

"""The facts behind every figure, in one SQL relation: this is where it is defined what counts, and on which day.

A fact is ``(day, service_id, measure, key, seconds)``. Two readings have the same facts: of all incidents on some days,
whose parameters are the days with their beginnings and ends, the organization and its time zone; and of some incidents
on whatever days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from incidents.analytics.definitions import BIN_GROWTH, OFFICE_CLOSES, OFFICE_OPENS
from incidents.analytics.period import DAY, Period


class Measure(StrEnum):
    """What is counted, and by which key."""

    OPENED = "opened"  # by severity
    OPENED_HOUR = "opened_hour"  # by hour of the day, 0 to 23
    OPENED_RULE = "opened_rule"  # by the rule that opened it
    ACKNOWLEDGED = "acknowledged"  # by severity; seconds from opening
    ACKNOWLEDGED_BIN = "acknowledged_bin"  # by bin of those seconds
    RESOLVED = "resolved"  # by severity; seconds from opening
    RESOLVED_BIN = "resolved_bin"  # by bin of those seconds
    WITHOUT_ACTION = "without_action"  # by severity, of those resolved
    WITHOUT_ACTION_RULE = "without_action_rule"  # by rule, of those resolved
    PAGE = "page"  # by person
    PAGE_OUT_OF_HOURS = "page_out_of_hours"  # by person
    SLA_MET = "sla_met"  # by kind of clock
    SLA_MISSED = "sla_missed"  # by kind of clock


_COUNTED = "incident.withdrawn_at IS NULL AND incident.merged_into_id IS NULL"
_BIN = f"floor(ln(greatest(seconds, 1)) / ln({BIN_GROWTH}))::int::text"


def _during(column: str) -> str:
    table = column.partition(".")[0]
    return f"{table}.organization_id = %(organization)s AND {column} >= span.starts_at AND {column} < span.ends_at"


@dataclass(frozen=True)
class _Reading:
    """Which rows are looked at for a fact, and on which day it falls."""

    before: str
    """What the relation begins with: a CTE."""
    incident: Callable[[str], str]
    """The relation ``incident``, of those whose column, a moment, is looked at."""
    clock: Callable[[str], str]
    run: Callable[[str], str]
    day: Callable[[str], str]
    """The day of a column."""


#: All incidents, by the days that are asked for. With OFFSET 0 below each of a day's few rows is looked up by its key:
#: the planner cannot know how few days are asked for, and would rather read the whole table.
_BY_DAYS = _Reading(
    before="""span AS MATERIALIZED (
  SELECT * FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS span(day, starts_at, ends_at)
)""",
    incident=lambda column: f"span JOIN incidents_incident AS incident ON {_during(column)}",
    clock=lambda column: f"span JOIN incidents_slaclock AS clock ON {_during(column)}",
    run=lambda column: f"span JOIN incidents_escalationsteprun AS run ON {_during(column)}",
    day=lambda column: "span.day",
)


def _chosen(ids: str) -> _Reading:
    """Some incidents, on whatever days something happened to them. ``ids`` is a query for theirs."""
    return _Reading(
        before=f"chosen AS MATERIALIZED ({ids})",
        incident=lambda column: (
            f"chosen JOIN incidents_incident AS incident ON incident.id = chosen.id AND {column} IS NOT NULL"
        ),
        clock=lambda column: (
            f"chosen JOIN incidents_slaclock AS clock ON clock.incident_id = chosen.id AND {column} IS NOT NULL"
        ),
        run=lambda column: (
            "chosen JOIN incidents_escalation AS paged ON paged.incident_id = chosen.id"
            f" JOIN incidents_escalationsteprun AS run ON run.escalation_id = paged.id AND {column} IS NOT NULL"
        ),
        day=lambda column: f"({column} AT TIME ZONE %(timezone)s)::date",
    )


def _facts(read: _Reading) -> str:
    return f"""
WITH {read.before}, opened AS (
  SELECT {read.day("incident.opened_at")} AS day,
         incident.service_id, incident.severity, incident.source, incident.source_id,
         extract(hour FROM incident.opened_at AT TIME ZONE %(timezone)s)::int::text AS hour
    FROM {read.incident("incident.opened_at")}
   WHERE {_COUNTED}
), acknowledged AS (
  SELECT {read.day("incident.acknowledged_at")} AS day, incident.service_id, incident.severity,
         extract(epoch FROM incident.acknowledged_at - incident.opened_at)::float8 AS seconds
    FROM {read.incident("incident.acknowledged_at")}
   WHERE {_COUNTED}
), resolved AS (
  SELECT {read.day("incident.resolved_at")} AS day,
         incident.service_id, incident.severity, incident.source, incident.source_id,
         extract(epoch FROM incident.resolved_at - incident.opened_at)::float8 AS seconds,
         incident.acknowledged_by_id IS NULL AND NOT EXISTS (
           SELECT FROM incidents_timelineevent AS event
            WHERE event.organization_id = incident.organization_id AND event.incident_id = incident.id
              AND event.actor LIKE 'user:%%'
         ) AS is_without_action
    FROM {read.incident("incident.resolved_at")}
   WHERE {_COUNTED}
), page AS (
  SELECT {read.day("run.at")} AS day, incident.service_id, person.id AS person,
         extract(isodow FROM {read.day("run.at")}) > 5
         OR (run.at AT TIME ZONE %(timezone)s)::time < '{OFFICE_OPENS}'
         OR (run.at AT TIME ZONE %(timezone)s)::time >= '{OFFICE_CLOSES}' AS is_out_of_hours
    FROM {read.run("run.at")}
   CROSS JOIN LATERAL (
           SELECT incident.service_id FROM incidents_escalation AS escalation
             JOIN incidents_incident AS incident ON incident.id = escalation.incident_id
            WHERE escalation.id = run.escalation_id OFFSET 0
         ) AS incident
   CROSS JOIN LATERAL jsonb_array_elements_text(run.people) AS person(id)
), clock AS (
  SELECT {read.day("clock.breached_at")} AS day, clock.incident_id, clock.kind, '{Measure.SLA_MISSED}' AS measure
    FROM {read.clock("clock.breached_at")}
   WHERE clock.outcome <> 'cancelled'
   UNION ALL
  SELECT {read.day("clock.stopped_at")}, clock.incident_id, clock.kind, '{Measure.SLA_MET}'
    FROM {read.clock("clock.stopped_at")}
   WHERE clock.outcome = 'met'
)
          SELECT day, service_id, '{Measure.OPENED}' AS measure, severity AS key, 0::float8 AS seconds FROM opened
UNION ALL SELECT day, service_id, '{Measure.OPENED_HOUR}', hour, 0 FROM opened
UNION ALL SELECT day, service_id, '{Measure.OPENED_RULE}', source_id::text, 0 FROM opened
           WHERE source = 'rule' AND source_id IS NOT NULL
UNION ALL SELECT day, service_id, '{Measure.ACKNOWLEDGED}', severity, seconds FROM acknowledged
UNION ALL SELECT day, service_id, '{Measure.ACKNOWLEDGED_BIN}', {_BIN}, 0 FROM acknowledged
UNION ALL SELECT day, service_id, '{Measure.RESOLVED}', severity, seconds FROM resolved
UNION ALL SELECT day, service_id, '{Measure.RESOLVED_BIN}', {_BIN}, 0 FROM resolved
UNION ALL SELECT day, service_id, '{Measure.WITHOUT_ACTION}', severity, 0 FROM resolved WHERE is_without_action
UNION ALL SELECT day, service_id, '{Measure.WITHOUT_ACTION_RULE}', source_id::text, 0 FROM resolved
           WHERE is_without_action AND source = 'rule' AND source_id IS NOT NULL
UNION ALL SELECT day, service_id, '{Measure.PAGE}', person, 0 FROM page
UNION ALL SELECT day, service_id, '{Measure.PAGE_OUT_OF_HOURS}', person, 0 FROM page WHERE is_out_of_hours
UNION ALL SELECT clock.day, incident.service_id, clock.measure, clock.kind, 0
            FROM clock CROSS JOIN LATERAL (
                   SELECT incident.service_id FROM incidents_incident AS incident
                    WHERE incident.id = clock.incident_id AND {_COUNTED} OFFSET 0
                 ) AS incident
"""  # noqa: S608  Constants of this module; whatever comes from outside is a parameter.


FACTS = _facts(_BY_DAYS)


def facts_of(ids: str) -> str:
    """As ``FACTS``, of some incidents instead of some days; the time zone is its one parameter.

    Args:
        ids: a query that has its own parameters in it already, and its percent signs doubled.
    """
    return _facts(_chosen(ids))


def parameters_of(days: Sequence[date], timezone: str, organization_id: int) -> dict[str, Any]:
    """What ``FACTS`` asks for, over these days."""
    clocks = Period(date.min, date.min, timezone)
    return {
        "days": list(days),
        "starts": [clocks.midnight(day) for day in days],
        "ends": [clocks.midnight(day + DAY) for day in days],
        "timezone": timezone,
        "organization": organization_id,
    }

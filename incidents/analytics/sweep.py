"""Counts changed days anew, over all organizations, and says the installation's figures to Prometheus."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from incident_center.kernel.scope import Actor, organization_scope
from incident_center.kernel.sweeps import Lane, sweep
from incidents import metrics
from incidents.actions.figures_roll_up import figures_roll_up
from incidents.analytics.facts import Measure
from incidents.analytics.figures import Attainment, Durations
from incidents.models import SlaClock

logger = logging.getLogger(__name__)

ACTOR = Actor.system("analytics")
#: Answers are right in between as well: changed days are counted from the incidents themselves.
EVERY = timedelta(seconds=10)
MOST_ORGANIZATIONS = 200
#: Of one organization in one go, so that the other sweeps need not wait for a new organization's years.
MOST_DAYS = 10
GAUGE_DAYS = 30


def organizations_to_count(most: int) -> list[int]:
    """Those with changed days, or with days that were never counted by their clocks. Needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM organizations_with_changed_days(%s)", [most])
        return [int(row[0]) for row in cursor.fetchall()]


@sweep(name="analytics", every=EVERY, lane=Lane.BACKGROUND)
def roll_up_figures() -> None:
    for organization_id in organizations_to_count(MOST_ORGANIZATIONS):
        try:
            with organization_scope(organization_id, actor=ACTOR):
                figures_roll_up(most_days=MOST_DAYS)
        except Exception:  # One organization's trouble must not keep the figures of the others.
            logger.exception("the figures of organization %s could not be counted; it is tried again", organization_id)


@sweep(name="analytics gauges", every=timedelta(minutes=1), lane=Lane.BACKGROUND)
def set_gauges() -> None:
    """Of all organizations together, over the last 30 days."""
    times = {Measure.ACKNOWLEDGED: Durations(), Measure.RESOLVED: Durations()}
    bins = {Measure.ACKNOWLEDGED_BIN: Measure.ACKNOWLEDGED, Measure.RESOLVED_BIN: Measure.RESOLVED}
    decided: Counter[tuple[str, str]] = Counter()
    with connection.cursor() as cursor:
        since = timezone.now().date() - timedelta(days=GAUGE_DAYS - 1)
        cursor.execute("SELECT measure, key, number, seconds FROM figures_of_installation(%s)", [since])
        for measure, key, number, seconds in cursor.fetchall():
            if measure in times:
                times[measure].add(number, seconds)
            elif measure in bins:
                times[bins[measure]].bins[int(key)] += number
            else:
                decided[key, measure] += number
    _set_durations(metrics.time_to_acknowledge_recent, times[Measure.ACKNOWLEDGED])
    _set_durations(metrics.time_to_resolve_recent, times[Measure.RESOLVED])
    for kind in SlaClock.Kind.values:
        share = Attainment(decided[kind, Measure.SLA_MET], decided[kind, Measure.SLA_MISSED]).share
        metrics.sla_attainment_recent.labels(kind).set(float("nan") if share is None else share)


def _set_durations(gauge: metrics.Gauge, times: Durations) -> None:
    for statistic in ("mean", "median", "p90"):
        seconds = getattr(times, f"{statistic}_seconds")
        gauge.labels(statistic).set(float("nan") if seconds is None else seconds)

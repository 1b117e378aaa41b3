"""What a silence would have fitted over the last seven days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from detection.models import Alert
from detection.silences.facts import all_labels, facts_of, facts_of_alert
from detection.silences.matching import Matchers
from detection.silences.selectors import incidents_like
from detection.silences.times import Times
from incidents.lifecycle import Source
from incidents.models import Incident

LOOK_BACK = timedelta(days=7)
MOST_READ = 5_000
EXAMPLES = 5


@dataclass
class Preview:
    """``detections`` are those of the incidents that detection rules opened. Examples are the newest."""

    start: datetime
    end: datetime
    incidents: list[Incident] = field(default_factory=list)
    detections: list[Incident] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    open_now: int = 0
    """Of the incidents: open, and nobody has them. They would be muted."""
    is_cut: bool = False
    """Whether there was more to look at than the newest 5,000 of each."""


def preview(matchers: Matchers, times: Times | None, now: datetime) -> Preview:
    """What the matchers fit; where hours recur, only what happened in them."""
    found = Preview(now - LOOK_BACK, now)
    rows = incidents_like(matchers).filter(opened_at__gte=found.start, withdrawn_at=None)
    incidents = list(rows.select_related("service").order_by("-opened_at", "-pk")[: MOST_READ + 1])
    # All that an incident had: most of what happened is over by now.
    labels = all_labels(incidents[:MOST_READ]) if matchers.alert_labels else {}
    for incident in incidents[:MOST_READ]:
        fits = not matchers.mismatch(facts_of(incident, labels.get(incident.pk, ())))
        if not fits or not _in_hours(times, incident.opened_at):
            continue
        found.incidents.append(incident)
        found.open_now += incident.is_live and incident.acknowledged_at is None
        if incident.source == Source.RULE:
            found.detections.append(incident)
    alerts = list(_alerts(matchers, found.start)[: MOST_READ + 1])
    for alert in alerts[:MOST_READ]:
        if _in_hours(times, alert.first_received_at) and not matchers.mismatch(facts_of_alert(alert)):
            found.alerts.append(alert)
    found.is_cut = max(len(incidents), len(alerts)) > MOST_READ
    return found


def _alerts(matchers: Matchers, start: datetime) -> QuerySet[Alert]:
    rows = Alert.objects.filter(first_received_at__gte=start).select_related("service", "group")
    if matchers.alert_labels:
        rows = rows.filter(labels__contains=dict(matchers.alert_labels))
    return rows.order_by("-pk")


def _in_hours(times: Times | None, moment: datetime) -> bool:
    return times is None or times.has_hour(moment)

"""Which days an incident's change touches: those on which it counts now, and those on which it counted before."""

from __future__ import annotations

from datetime import datetime

from incidents.actions.figures_roll_up import days_mark_changed
from incidents.analytics.period import day_of
from incidents.analytics.selectors import organization_timezone
from incidents.events import IncidentChanged, incident_changed
from incidents.models import EventKind, SlaClock, TimelineEvent

#: What comes often and no figure depends on, as long as no person did it.
_UNCOUNTED = frozenset(
    {
        EventKind.RECURRED,
        EventKind.LOGS_LINKED,
        EventKind.ALERTS_LINKED,
        EventKind.ALERTS_RESOLVED,
        EventKind.ESCALATION_STARTED,
        EventKind.ESCALATION_STOPPED,
        EventKind.NOTIFICATION_SENT,
        EventKind.NOTIFICATION_FAILED,
    }
)


def connect() -> None:
    incident_changed.connect(_mark_days)


def _mark_days(change: IncidentChanged) -> None:
    if change.event.kind in _UNCOUNTED and change.actor.kind != "user":
        return
    zone = organization_timezone()
    days_mark_changed(day_of(moment, zone) for moment in _moments(change))


def _moments(change: IncidentChanged) -> set[datetime]:
    """When it counts. Times that a row has no longer are those of earlier events: what was acknowledged or resolved
    and is no more, was so at the time of an event; a breach that was taken back, when it was due.
    """
    incident, event = change.incident, change.event
    moments = {incident.opened_at, incident.acknowledged_at, incident.resolved_at, event.at}
    if event.kind != EventKind.OPENED:
        for clock in SlaClock.objects.filter(incident=incident).only("breached_at", "stopped_at"):
            moments |= {clock.breached_at, clock.stopped_at}
        earlier = TimelineEvent.objects.filter(incident=incident).exclude(kind__in=_UNCOUNTED)
        for kind, at, data in earlier.values_list("kind", "at", "data"):
            moments.add(at)
            if kind == EventKind.SLA_BREACHED:
                moments.add(datetime.fromisoformat(data["due_at"]))
    return {moment for moment in moments if moment is not None}

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.actions.timeline import append_event
from incidents.events import IncidentCounted, incident_counted
from incidents.models import EventKind, Incident

#: Up to this many alerts each step is on the timeline; from there on, each power of ten.
EACH_TOLD_UP_TO = 10
TITLES_NAMED = 3


def link_alerts(
    *,
    incident: Incident,
    actor: Actor,
    titles: Sequence[str],
    total: int,
    occurrences: int = 0,
    at: datetime | None = None,
) -> None:
    """Alerts came to a locked incident, or fire again on it.

    Args:
        titles: of the alerts that were not linked before.
        total: how many are linked now; asked for only where some were not.
        occurrences: how often its problem showed itself anew with this.
    """
    incident.occurrence_count += occurrences
    incident.last_occurrence_at = max(incident.last_occurrence_at, at or timezone.now())
    before = total - len(titles)
    if titles and (total <= EACH_TOLD_UP_TO or len(str(total)) > len(str(before))):
        data = {"alerts": len(titles), "alert_count": total, "titles": list(titles[:TITLES_NAMED])}
        append_event(incident=incident, kind=EventKind.ALERTS_LINKED, actor=actor, data=data)
        return
    incident.save()
    incident_counted.emit(IncidentCounted(incident))


def note_resolved_alerts(*, incident: Incident, actor: Actor, titles: Sequence[str], firing: int) -> None:
    """Some alerts of a locked incident are over, and the timeline says which while there are few.

    Args:
        titles: of those that are over.
        firing: how many still fire.
    """
    if titles and (firing == 0 or firing + len(titles) <= EACH_TOLD_UP_TO):
        data = {"alerts": len(titles), "firing": firing, "titles": list(titles[:TITLES_NAMED])}
        append_event(incident=incident, kind=EventKind.ALERTS_RESOLVED, actor=actor, data=data)

from __future__ import annotations

from datetime import datetime

from incident_center.kernel.scope import Actor
from incidents.actions.timeline import append_event
from incidents.models import Escalation, EventKind, Incident


def escalation_stop(
    *,
    escalation: Escalation,
    incident: Incident,
    actor: Actor,
    because: Escalation.End,
    at: datetime,
    tells: bool = True,
) -> None:
    """Ends a running escalation: no further step runs. Part of an action that holds the incident's lock.

    Args:
        tells: whether the timeline says so; not where what replaces it does.
    """
    escalation.state = Escalation.State.STOPPED
    escalation.next_due_at = escalation.held_since = None
    escalation.stopped_at, escalation.stopped_by = at, because
    escalation.save()
    if tells:
        data = {"escalation": str(escalation.pk), "policy": escalation.policy["name"], "because": str(because)}
        append_event(incident=incident, kind=EventKind.ESCALATION_STOPPED, actor=actor, data=data, at=at)

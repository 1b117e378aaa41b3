"""What upper apps may listen to. Handlers run inside the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass

from incident_center.kernel.events import Event
from incident_center.kernel.scope import Actor
from incidents.models import Incident, TimelineEvent


@dataclass(frozen=True)
class IncidentChanged:
    """An event was appended to an incident's timeline; the incident is locked and already holds the change.

    ``event.kind`` says what happened (``incidents.models.EventKind``). A merge appends to both timelines
    and is announced for both incidents.
    """

    incident: Incident
    event: TimelineEvent
    actor: Actor


@dataclass(frozen=True)
class IncidentCounted:
    """Logs were added to an incident without an event on its timeline: figures moved, nobody needs to be
    told.
    """

    incident: Incident


incident_changed: Event[IncidentChanged] = Event("incident changed")
incident_counted: Event[IncidentCounted] = Event("incident counted")

from incidents.models.decision import Decision, Stage
from incidents.models.incident import (
    LONGEST_KEY,
    LONGEST_TITLE,
    MOST_LINKED_LOGS,
    Incident,
    IncidentCounter,
    IncidentLog,
)
from incidents.models.timeline import EventKind, TimelineEvent

__all__ = [
    "LONGEST_KEY",
    "LONGEST_TITLE",
    "MOST_LINKED_LOGS",
    "Decision",
    "EventKind",
    "Incident",
    "IncidentCounter",
    "IncidentLog",
    "Stage",
    "TimelineEvent",
]

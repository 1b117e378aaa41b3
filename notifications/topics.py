"""What can be told of an incident, in the words of people: a change of status is not one thing but three."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from incidents.lifecycle import Status
from incidents.models import EventKind


class Topic(StrEnum):
    OPENED = "opened"
    RECURRED = "recurred"
    ACKNOWLEDGED = "acknowledged"
    STATUS_CHANGED = "status_changed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    SEVERITY_CHANGED = "severity_changed"
    ASSIGNED = "assigned"
    NOTE = "note"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    POSTMORTEM_PUBLISHED = "postmortem_published"
    SLA_WARNING = "sla_warning"
    SLA_BREACHED = "sla_breached"
    # An escalation's step: the people and channels that it names are told, whatever routes say.
    PAGED = "paged"
    # For inboxes only: about no incident.
    NOTICE = "notice"
    # For inboxes only: telling a channel that a channel failed would go round in circles.
    NOTIFICATION_FAILED = "notification_failed"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Topic.OPENED: "Opened",
    Topic.RECURRED: "Recurred",
    Topic.ACKNOWLEDGED: "Acknowledged",
    Topic.STATUS_CHANGED: "Status changed",
    Topic.RESOLVED: "Resolved",
    Topic.REOPENED: "Reopened",
    Topic.SEVERITY_CHANGED: "Severity changed",
    Topic.ASSIGNED: "Assigned",
    Topic.NOTE: "Note written",
    Topic.MERGED: "Merged",
    Topic.WITHDRAWN: "Withdrawn",
    Topic.POSTMORTEM_PUBLISHED: "Postmortem published",
    Topic.SLA_WARNING: "SLA target is near",
    Topic.SLA_BREACHED: "SLA breached",
    Topic.PAGED: "Paged",
    Topic.NOTICE: "Notice",
    Topic.NOTIFICATION_FAILED: "Notification failed",
}
INBOX_ONLY = frozenset({Topic.PAGED, Topic.NOTICE, Topic.NOTIFICATION_FAILED})
CHANNEL_TOPICS = tuple(topic for topic in Topic if topic not in INBOX_ONLY)
DEFAULT_TOPICS = (
    Topic.OPENED,
    Topic.RECURRED,
    Topic.ACKNOWLEDGED,
    Topic.STATUS_CHANGED,
    Topic.RESOLVED,
    Topic.REOPENED,
    Topic.SEVERITY_CHANGED,
    Topic.MERGED,
    Topic.SLA_BREACHED,
)
# Upon these everyone who works on incidents is told, not only those who have to do with this one.
ALARMS = frozenset({Topic.OPENED, Topic.RECURRED, Topic.REOPENED})
# Upon these the people of a route are reached by their own rules, and not by inbox only.
PAGING = ALARMS | {Topic.SLA_BREACHED}
# Of these nobody is told while an incident is muted.
HELD_BACK = PAGING | {Topic.SLA_WARNING}

# What a channel that has begun something about the incident hears, whatever the routes say.
ENDS_AND_BEGINNINGS = frozenset({Topic.RESOLVED, Topic.MERGED, Topic.WITHDRAWN, Topic.REOPENED, Topic.RECURRED})

_SAME_NAME = frozenset(topic.value for topic in Topic)


def topic_of(kind: str, data: Mapping[str, Any]) -> Topic | None:
    """What a timeline event tells people; None for what nobody needs to be told."""
    if kind == EventKind.STATUS_CHANGED:
        if data.get("to") == Status.RESOLVED:
            return Topic.RESOLVED
        return Topic.REOPENED if data.get("from") == Status.RESOLVED else Topic.STATUS_CHANGED
    if kind == EventKind.UNMUTED:  # What the mute held back is told now, to those whom it would have been told then.
        return Topic(data["held"]) if data.get("held") else None
    return Topic(kind) if kind in _SAME_NAME else None

"""What is said of a change: one neutral document, from which every kind of channel and the inbox take theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from incident_center.kernel.scope import Actor
from incidents.events import LetterWritten
from incidents.models import EventKind, Incident, TimelineEvent
from notifications.topics import Topic
from organizations.models import User

OURSELVES = "Incident Center"
LONGEST_NOTE = 4_000
#: Of an incident's description, for whoever hears of it first.
LONGEST_EXCERPT = 600


@dataclass(frozen=True)
class Told:
    """A change in words. ``summary`` follows the incident's name: "INC-42" + "was acknowledged by Ada"."""

    topic: Topic
    summary: str
    note: str = ""


def incident_address(incident: Incident) -> str:
    """The incident's page in the portal."""
    return settings.BASE_URL + reverse("incidents:detail", args=[incident.reference])


def actor_name(actor: Actor) -> str:
    """A name for people; what is no person speaks as the installation."""
    if actor.user_id is not None:
        return str(User.objects.filter(pk=actor.user_id).first() or "someone")
    return "an API key" if actor.kind == "key" else OURSELVES


_ONE_SENTENCE = {
    Topic.POSTMORTEM_PUBLISHED: "has a postmortem, published by {by}",
    Topic.SLA_WARNING: "is close to its target: {label}",
    Topic.SLA_BREACHED: "has missed its target: {label}",
}

# What a mute held back, told at its end.
_HELD_BACK = {
    Topic.OPENED: "was opened while it was muted, and nobody has it",
    Topic.RECURRED: "is not muted any more, and nobody has it",
    Topic.REOPENED: "was reopened while it was muted, and nobody has it",
    Topic.SLA_BREACHED: "has missed its target while it was muted: {label}",
}


def tell(topic: Topic, event: TimelineEvent, actor: Actor) -> Told:
    """The change in words."""
    data: dict[str, Any] = event.data
    by = actor_name(actor)
    reason = str(data.get("reason") or "")[:LONGEST_NOTE]
    if event.kind == EventKind.UNMUTED:
        return Told(topic, _HELD_BACK[topic].format(label=data.get("label", "")))
    match topic:
        case Topic.OPENED:
            return Told(topic, "was opened" if actor.kind == "system" else f"was opened by {by}")
        case Topic.RECURRED | Topic.PAGED:
            return Told(topic, "happened again" if topic is Topic.RECURRED else "needs you", reason)
        case Topic.STATUS_CHANGED:
            return Told(topic, f"was moved from {data.get('from')} to {data.get('to')} by {by}", reason)
        case Topic.SEVERITY_CHANGED:
            return Told(topic, f"was changed from {data.get('from')} to {data.get('to')} by {by}")
        case Topic.ASSIGNED:
            assignee = User.objects.filter(pk=data["to"]).first() if data.get("to") else None
            return Told(
                topic, f"was assigned to {assignee} by {by}" if assignee else f"was taken from its assignee by {by}"
            )
        case Topic.NOTE:
            return Told(topic, f"has a note by {by}", str(data.get("body", ""))[:LONGEST_NOTE])
        case Topic.MERGED:
            if number := data.get("into_number"):
                return Told(topic, f"was merged into INC-{number} by {by}")
            return Told(topic, f"took in INC-{data.get('from_number')}, merged by {by}")
        case Topic.POSTMORTEM_PUBLISHED | Topic.SLA_WARNING | Topic.SLA_BREACHED:
            return Told(topic, _ONE_SENTENCE[topic].format(by=by, label=data.get("label", "")))
        case Topic.NOTIFICATION_FAILED:
            return Told(topic, f"could not be told to {data.get('channel')}", str(data.get("error", "")))
        case _:  # Acknowledged, resolved, reopened, withdrawn.
            return Told(topic, f"was {topic.value} by {by}", reason)


def document(incident: Incident, event: TimelineEvent, actor: Actor, told: Told) -> dict[str, Any]:
    """The message as it is kept in the outbox and sent by webhooks (docs/notifications.md lists its members)."""
    if told.topic in (Topic.OPENED, Topic.PAGED) and not told.note:
        told = replace(told, note=_excerpt(incident.description))
    return _document(
        f"incident.{told.topic}",
        at=event.at,
        told=told,
        event={
            "id": str(event.pk),
            "kind": str(event.kind),
            "sequence": event.sequence,
            "actor": {"kind": actor.kind, "name": actor_name(actor)},
            "data": event.data,
        },
        incident=_incident(incident),
    )


def drill_document(name: str, at: datetime) -> dict[str, Any]:
    """A message that looks like any other and says that it is a drill."""
    told = Told(Topic.OPENED, "is a drill: nothing has happened")
    title = f"Would a page through {name} arrive?"
    return _document("channel.drill", at=at, told=told, event=None, incident=_no_incident("DRILL", title, at))


def test_document(channel_name: str, actor: Actor, at: datetime) -> dict[str, Any]:
    """A message that looks like any other and says that it is a test."""
    title = f"Messages of the channel “{channel_name}” arrive here"
    told = Told(Topic.OPENED, f"was sent by {actor_name(actor)}")
    return _document("channel.test", at=at, told=told, event=None, incident=_no_incident("TEST", title, at))


def _excerpt(description: str) -> str:
    """The beginning of a description, cut between words."""
    text = description.strip()
    return text if len(text) <= LONGEST_EXCERPT else text[:LONGEST_EXCERPT].rpartition(" ")[0] + " …"


def _no_incident(reference: str, title: str, at: datetime) -> dict[str, Any]:
    return {
        "id": None,
        "number": 0,
        "reference": reference,
        "title": title,
        "status": "open",
        "severity": "low",
        "priority": "P4",
        "service": None,
        "service_name": None,
        "environment": None,
        "assignee": None,
        "assignee_name": None,
        "opened_at": _iso(at),
        "opened_at_unix": int(at.timestamp()),
        "acknowledged_at": None,
        "resolved_at": None,
        "url": f"{settings.BASE_URL}/",
    }


def letter_document(letter: LetterWritten, at: datetime) -> dict[str, Any]:
    """An e-mail that is about no incident, as it is kept in the outbox."""
    data = {"subject": letter.subject, "body": letter.body, "label": letter.label, "because": letter.because}
    return {"type": "letter", "timestamp": _iso(at), "data": {**data, "url": settings.BASE_URL + letter.path}}


def group_document(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """One message that tells what several would: the first one's incident, and a line for each of the others."""
    first = documents[0]
    lines = []
    for document in documents[1:]:
        incident, summary = document["data"]["incident"], document["data"]["summary"]
        lines.append(f"{incident['severity'].capitalize()}: {incident['reference']} {summary}: {incident['title']}")
    summary = f"{first['data']['summary']}, and {len(lines)} more messages came with it"
    return {**first, "data": {**first["data"], "summary": summary, "note": "\n".join(lines)}}


def _document(name: str, *, at: datetime, told: Told, event: Any, incident: dict[str, Any]) -> dict[str, Any]:
    data = {"summary": told.summary, "note": told.note, "event": event, "incident": incident}
    return {"type": name, "timestamp": _iso(at), "data": data}


def _incident(incident: Incident) -> dict[str, Any]:
    service = incident.service
    return {
        "id": str(incident.pk),
        "number": incident.number,
        "reference": incident.reference,
        "title": incident.title,
        "status": str(incident.status),
        "severity": str(incident.severity),
        "priority": str(incident.priority),
        "service": str(service.public_id) if service else None,
        "service_name": service.name if service else None,
        "environment": service.environment if service else None,
        "assignee": str(incident.assignee_id) if incident.assignee_id else None,
        "assignee_name": str(incident.assignee) if incident.assignee else None,
        "opened_at": _iso(incident.opened_at),
        "opened_at_unix": int(incident.opened_at.timestamp()),
        "acknowledged_at": _iso(incident.acknowledged_at),
        "resolved_at": _iso(incident.resolved_at),
        "url": incident_address(incident),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

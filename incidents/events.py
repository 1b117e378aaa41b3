"""What upper apps may listen to. Handlers run inside the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

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


class Urgency(StrEnum):
    """HIGH wakes people; LOW may wait for the morning."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True)
class RespondersPaged:
    """A step of an escalation is due: these people are to be told now, by their own contact rules.

    ``event`` is the timeline event that says so. ``channel_ids`` are channels that the step names besides people.
    """

    incident: Incident
    event: TimelineEvent
    actor: Actor
    user_ids: tuple[UUID, ...]
    channel_ids: tuple[UUID, ...]
    urgency: Urgency


@dataclass(frozen=True)
class PeopleTold:
    """A line for people's inboxes that is about no incident: a shift that looks for somebody, the coverage digest.

    ``path`` is the page where it is dealt with.
    """

    user_ids: tuple[UUID, ...]
    title: str
    body: str
    path: str


@dataclass(frozen=True)
class LetterWritten:
    """An e-mail to the account addresses of people, about no incident. ``path`` is the page to which its one button,
    ``label``, leads. Where the installation sends no e-mail there is none: tell their inboxes as well.
    """

    user_ids: tuple[UUID, ...]
    subject: str
    body: str
    path: str
    label: str
    #: Why they get it, as the end of "You get this because …".
    because: str


incident_changed: Event[IncidentChanged] = Event("incident changed")
incident_counted: Event[IncidentCounted] = Event("incident counted")
responders_paged: Event[RespondersPaged] = Event("responders paged")
people_told: Event[PeopleTold] = Event("people told")
letter_written: Event[LetterWritten] = Event("letter written")

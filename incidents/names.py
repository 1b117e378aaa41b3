"""The names behind the ids that a timeline mentions, read once for a page of events."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from audit.messages import Names
from incident_center.kernel.scope import Actor
from incidents.models import EventKind, TimelineEvent
from organizations.models import ApiKey, Membership


def names_for_events(events: Iterable[TimelineEvent]) -> Names:
    """The people and keys that the events speak of, in at most two queries."""
    people: set[UUID] = set()
    keys: set[UUID] = set()
    for event in events:
        actor = Actor.parse(event.actor)
        if actor.kind == "key":
            keys.add(UUID(actor.id))
        elif actor.user_id is not None:
            people.add(actor.user_id)
        if event.kind == EventKind.ASSIGNED:
            people |= {UUID(event.data[side]) for side in ("from", "to") if event.data.get(side)}
    members = Membership.objects.filter(user_id__in=people).select_related("user") if people else ()
    return Names(
        people={member.user_id: member.user.name for member in members},
        keys={key.pk: f"{key.name} ({key.prefix}…)" for key in ApiKey.objects.filter(pk__in=keys)} if keys else {},
        memberships={},
    )


def actor_name(names: Names, actor: str) -> str:
    """Who it was, at the beginning of a sentence: ``Ada Lovelace``, ``Detection``."""
    parsed = Actor.parse(actor)
    if parsed.kind == "system":
        return parsed.id.replace("_", " ").replace("-", " ").capitalize()
    return names.actor(actor)

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
        people |= _people_named(event)
    members = Membership.objects.filter(user_id__in=people).select_related("user") if people else ()
    return Names(
        people={member.user_id: member.user.name for member in members},
        keys={key.pk: f"{key.name} ({key.prefix}…)" for key in ApiKey.objects.filter(pk__in=keys)} if keys else {},
        memberships={},
    )


def _people_named(event: TimelineEvent) -> set[UUID]:
    data = event.data
    named = [data.get(name) for name in ("acknowledged_by", "acknowledgement_of", "taken_over_from")]
    named += [*data.get("people", []), *data.get("mentions", [])]
    if event.kind in (EventKind.TASK_ADDED, EventKind.TASK_CHANGED):
        named.append(data.get("assignee"))
    if event.kind == EventKind.ASSIGNED:
        named += [data.get("from"), data.get("to")]
    return {UUID(user_id) for user_id in named if user_id}


def actor_name(names: Names, actor: str) -> str:
    """Who it was, at the beginning of a sentence: ``Ada Lovelace``, ``Detection``."""
    parsed = Actor.parse(actor)
    if parsed.kind == "system":
        return parsed.id.replace("_", " ").replace("-", " ").capitalize()
    return names.actor(actor)

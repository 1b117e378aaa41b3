"""Audit entries as sentences: who did what to what.

Each app says how the changes of its own tables read. A table without a sentence of its own still gets an honest,
general one, so that nothing of the record is ever hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from audit.models import AuditEntry
from incident_center.kernel.scope import Actor


@dataclass(frozen=True)
class Names:
    """The names behind ids that a page of entries mentions; read once for the page (audit.selectors)."""

    people: dict[UUID, str]
    keys: dict[UUID, str]
    memberships: dict[UUID, str]
    # The object's id as the entry has it → what people call it: INC-42, payments (production).
    objects: dict[str, str] = field(default_factory=dict)

    def actor(self, text: str) -> str:
        try:
            actor = Actor.parse(text)
        except ValueError:
            kind, _, role = text.partition(":")
            return f"the database role {role}" if kind == "database" else text
        if actor.kind == "system":
            return f"the system ({actor.id})"
        known = self.people if actor.kind == "user" else self.keys
        fallback = "a person" if actor.kind == "user" else "an API key"
        return known.get(UUID(actor.id), f"{fallback} {actor.id}")

    def person(self, user_id: object) -> str:
        return self.people.get(UUID(str(user_id)), f"the person {user_id}") if user_id else "nobody"

    def member(self, membership_id: object) -> str:
        return self.memberships.get(UUID(str(membership_id)), f"the member {membership_id}")


# What was done, to follow the actor's name: "promoted Ada from engineer to team lead".
Sentence = Callable[[AuditEntry, Names], str]
_sentences: dict[str, Sentence] = {}


def describes(table: str) -> Callable[[Sentence], Sentence]:
    """Registers the sentence of a table. It returns what follows the actor's name, without a full stop."""

    def register(sentence: Sentence) -> Sentence:
        _sentences[table] = sentence
        return sentence

    return register


# The present names of a table's objects by their ids; an object that is gone stays an id.
Labels = Callable[[set[UUID]], dict[UUID, str]]
labels: dict[str, Labels] = {}


def names_objects(table: str) -> Callable[[Labels], Labels]:
    """Registers how the objects of a table are called. Their ids in sentences are then replaced by the names."""

    def register(function: Labels) -> Labels:
        labels[table] = function
        return function

    return register


def message(entry: AuditEntry, names: Names) -> str:
    """The entry for people. It never raises: an entry that its sentence does not fit gets the general one."""
    try:
        predicate = own_predicate(entry, names)
    except (KeyError, TypeError, ValueError, AttributeError):
        predicate = general(entry)
    name = names.objects.get(entry.object_id)
    return f"{names.actor(entry.actor)} {predicate.replace(entry.object_id, name) if name else predicate}"


def own_predicate(entry: AuditEntry, names: Names) -> str:
    """What the table's own sentence says after the actor's name.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: there is none, or it does not fit the entry.
    """
    return _sentences[entry.table_name](entry, names)


VERBS = {"insert": "created", "update": "changed", "delete": "deleted"}


def general(entry: AuditEntry) -> str:
    """``changed organizations service …: description, team``."""
    subject = f"{VERBS[entry.operation]} {entry.table_name.replace('_', ' ')} {entry.object_id}"
    changed = ", ".join(sorted(entry.after or {})).replace("_id", "") if entry.operation == "update" else ""
    return f"{subject}: {changed}" if changed else subject


def changes(entry: AuditEntry) -> dict[str, dict[str, Any]]:
    """``{"role": {"before": "engineer", "after": "team_lead"}}`` for every column that the entry speaks of."""
    before, after = entry.before or {}, entry.after or {}
    return {
        column: {"before": before.get(column), "after": after.get(column)} for column in sorted({**before, **after})
    }


def listed_changes(entry: AuditEntry, labels: dict[str, str] | None = None) -> str:
    """The changed columns in words: ``name from "a" to "b", time zone from UTC to Europe/Berlin``."""
    parts = []
    for column, change in changes(entry).items():
        label = (labels or {}).get(column, column.replace("_", " "))
        if change["after"] == "[redacted]":
            parts.append(label)
        else:
            parts.append(f"{label} from {_shown(change['before'])} to {_shown(change['after'])}")
    return ", ".join(parts)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

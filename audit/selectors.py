"""Reads of the record, and of the names behind the ids that it holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from audit.messages import Names, labels
from audit.models import AuditEntry
from organizations.models import ApiKey, Membership

PERSON_COLUMNS = ("user_id", "_by_id", "assignee_id", "requester_id", "asked_id")


def entries(
    *,
    actor: str = "",
    table: str = "",
    operation: str = "",
    object_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """The organization's entries that match, newest first. ``actor`` may be written with or without its kind."""
    found = AuditEntry.objects.exclude(organization=None).order_by("-position")
    if actor:
        found = found.filter(actor=actor if ":" in actor else f"user:{actor}")
    if table:
        found = found.filter(table_name=table)
    if operation:
        found = found.filter(operation=operation)
    if object_id:
        found = found.filter(object_id=object_id)
    if since:
        found = found.filter(at__gte=since)
    if until:
        found = found.filter(at__lt=until)
    return found


def names_for(page: Iterable[AuditEntry]) -> Names:
    """The people, keys, members and objects that a page of entries mentions, in one query for each kind.

    A person who has left stays named: people are deactivated, never deleted. Ids that are no member's of this
    organization stay ids.
    """
    people: set[UUID] = set()
    keys: set[UUID] = set()
    memberships: set[UUID] = set()
    for entry in page:
        kind, _, identifier = entry.actor.partition(":")
        if kind in ("user", "key") and (known := _uuid(identifier)):
            (people if kind == "user" else keys).add(known)
        for values in (entry.before or {}, entry.after or {}):
            for column, value in values.items():
                if column.endswith(PERSON_COLUMNS) and (known := _uuid(value)):
                    people.add(known)
                elif column == "participants":  # Of a rotation, in the order of their turns.
                    people |= {known for each in value or () if (known := _uuid(each))}
                elif column == "membership_id" and (known := _uuid(value)):
                    memberships.add(known)
        if entry.table_name == "organizations_membership" and (known := _uuid(entry.object_id)):
            memberships.add(known)
        if entry.table_name == "organizations_user" and (known := _uuid(entry.object_id)):
            people.add(known)
    members = Membership.objects.select_related("user")
    found_members = {m.pk: m.user.name for m in members.filter(pk__in=memberships)}
    # Only members are named: identity stands outside the wall, membership inside.
    found_people = {m.user_id: m.user.name for m in members.filter(user_id__in=people)}
    found_keys = {k.pk: f"the key {k.name} ({k.prefix}…)" for k in ApiKey.objects.filter(pk__in=keys)}
    return Names(people=found_people, keys=found_keys, memberships=found_members, objects=_object_names(page))


def _object_names(page: Iterable[AuditEntry]) -> dict[str, str]:
    """What the objects of a page are called now: one query for each kind of object on it."""
    by_table: dict[str, set[UUID]] = {}
    for entry in page:
        if entry.table_name in labels and (known := _uuid(entry.object_id)):
            by_table.setdefault(entry.table_name, set()).add(known)
    return {str(key): name for table, ids in by_table.items() for key, name in labels[table](ids).items()}


def tables() -> list[str]:
    """The tables that appear in the record, for a filter. A loose index scan: cost per table, not per entry."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE found AS (
              (SELECT table_name FROM audit_entry WHERE organization_id IS NOT NULL ORDER BY table_name LIMIT 1)
              UNION ALL
              SELECT (SELECT table_name FROM audit_entry
                       WHERE organization_id IS NOT NULL AND table_name > found.table_name
                       ORDER BY table_name LIMIT 1)
                FROM found WHERE found.table_name IS NOT NULL
            )
            SELECT table_name FROM found WHERE table_name IS NOT NULL
            """
        )
        return [row[0] for row in cursor.fetchall()]


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None

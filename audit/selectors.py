"""Reads of the record, and of the names behind the ids that it holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from audit.messages import Names, labels
from audit.models import AuditEntry, AuditSeal, AuditVerification
from incident_center.kernel.scope import require_organization_id
from organizations.models import ApiKey, Membership

PERSON_COLUMNS = ("user_id", "_by_id", "assignee_id", "requester_id", "asked_id", "responsible_id")
# Of a rotation, in the order of their turns, and of a scheduled report.
LISTS_OF_PEOPLE = ("participants", "recipients")

#: Of a filter's choices; the address takes any value.
MOST_CHOICES = 500


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
    found = AuditEntry.objects.exclude(organization=None).order_by("-at", "-position")
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
                elif column in LISTS_OF_PEOPLE:
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
    gone = people - found_people.keys()
    found_people |= {UUID(each): name for each, name in former_names("organizations_user", map(str, gone)).items()}
    found_keys = {k.pk: f"the key {k.name} ({k.prefix}…)" for k in ApiKey.objects.filter(pk__in=keys)}
    return Names(people=found_people, keys=found_keys, memberships=found_members, objects=_object_names(page))


def _object_names(page: Iterable[AuditEntry]) -> dict[str, str]:
    """What the objects of a page are called now, or were: two queries at most for each kind of object on it."""
    by_table: dict[str, set[UUID]] = {}
    for entry in page:
        if entry.table_name in labels and (known := _uuid(entry.object_id)):
            by_table.setdefault(entry.table_name, set()).add(known)
    return {object_id: name for table, ids in by_table.items() for object_id, name in _names(table, ids).items()}


def _names(table: str, ids: set[UUID]) -> dict[str, str]:
    present = {str(key): name for key, name in labels[table](ids).items()}
    return {**former_names(table, (str(each) for each in ids if str(each) not in present)), **present}


def object_name(table: str, object_id: str) -> str:
    """What people call an object whose history is looked at: its name, its former one, or else its id."""
    if table == "incidents_incident":
        return f"INC-{object_id}"
    known = _uuid(object_id)
    if table in labels and known:
        return _names(table, {known}).get(object_id, object_id)
    if table == "organizations_membership" and known:
        member = Membership.objects.select_related("user").filter(pk=known).first()
        return member.user.name if member else object_id
    return object_id


def former_names(table: str, object_ids: Iterable[str]) -> dict[str, str]:
    """The names that removed objects had last, from the record itself: entries outlive what they speak of."""
    wanted = list(object_ids)
    if not wanted:
        return {}
    named = AuditEntry.objects.filter(table_name=table, object_id__in=wanted).order_by("at")
    rows = named.values_list("object_id", "before__name", "after__name")
    return {object_id: after or before for object_id, before, after in rows if after or before}


def tables() -> list[str]:
    """The tables that appear in the record, for a filter."""
    return _distinct("table_name")


def actors() -> list[str]:
    """Who appears in the record, for a filter."""
    return _distinct("actor")


def _distinct(column: str) -> list[str]:
    """A loose index scan: it costs by value found, not by entry."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE found AS (
              (SELECT {column} AS value FROM audit_entry WHERE organization_id = %(organization)s
                ORDER BY {column} LIMIT 1)
              UNION ALL
              SELECT (SELECT {column} FROM audit_entry
                       WHERE organization_id = %(organization)s AND {column} > found.value ORDER BY {column} LIMIT 1)
                FROM found WHERE found.value IS NOT NULL
            )
            SELECT value FROM found WHERE value IS NOT NULL LIMIT {MOST_CHOICES}
            """,  # noqa: S608  The column is one of two names above.
            {"organization": require_organization_id()},
        )
        return [row[0] for row in cursor.fetchall()]


def entry_of(entry_id: str) -> AuditEntry | None:
    return AuditEntry.objects.exclude(organization=None).filter(pk=entry_id).first()


def last_seal() -> AuditSeal | None:
    """The newest seal of the organization's record."""
    return AuditSeal.objects.defer("contents", "frontier").order_by("-number").first()


def verification_under_way() -> AuditVerification | None:
    return AuditVerification.objects.filter(finished_at=None).order_by("requested_at").first()


def last_verification() -> AuditVerification | None:
    return AuditVerification.objects.exclude(finished_at=None).order_by("-finished_at").first()


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None

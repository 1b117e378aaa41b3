"""How changes of on-call schedules read in the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from incidents.models import Schedule, ScheduleLayer

_LAYER_LABELS = {"handover_time": "hand-over", "handover_weekday": "hand-over weekday", "schedule_id": "schedule"}


@describes("incidents_schedule")
def schedule(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the on-call schedule “{after['name']}” ({after['timezone']})"
    if entry.operation == "delete":
        return f"deleted the on-call schedule “{before['name']}”"
    return f"changed the on-call schedule {entry.object_id}: {listed_changes(entry)}"


@names_objects("incidents_schedule")
def schedule_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.name}”" for one in Schedule.objects.filter(pk__in=ids)}


@describes("incidents_schedulelayer")
def layer(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"added the layer “{after['name']}” to a schedule, with {_people(after['participants'], names)}"
    if entry.operation == "delete":
        return f"removed the layer “{before['name']}” from a schedule"
    if set(after) == {"position"}:
        return f"moved the layer {entry.object_id} to place {after['position'] + 1}"
    words = []
    if "participants" in after:
        words.append(f"who takes turns is now {_people(after['participants'], names)}")
    rest = _without(entry, "participants")
    if rest.after:
        words.append(listed_changes(rest, _LAYER_LABELS))
    return f"changed the layer {entry.object_id}: {', '.join(words)}"


@names_objects("incidents_schedulelayer")
def layer_names(ids: set[UUID]) -> dict[UUID, str]:
    found = ScheduleLayer.objects.filter(pk__in=ids).select_related("schedule")
    return {one.pk: f"“{one.name}” of “{one.schedule.name}”" for one in found}


@describes("incidents_scheduleoverride")
def override(entry: AuditEntry, names: Names) -> str:
    row = entry.after if entry.operation == "insert" else entry.before
    row = row or {}
    if entry.operation == "update":
        return f"ended an override of an on-call schedule early, at {_short((entry.after or {})['ends_at'])}"
    verb = "put" if entry.operation == "insert" else "took back the override that put"
    return f"{verb} {names.person(row['user_id'])} on call from {_short(row['starts_at'])} to {_short(row['ends_at'])}"


@describes("incidents_shiftswap")
def swap(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if entry.operation == "insert":
        asked = names.person(after["asked_id"]) if after.get("asked_id") else "anyone"
        return f"asked {asked} to take the shift from {_short(after['starts_at'])} to {_short(after['ends_at'])}"
    if entry.operation == "delete":
        return "deleted a request to swap a shift"
    return {
        "accepted": "accepted to take a shift",
        "declined": "declined to take a shift",
        "withdrawn": "took back the request to swap a shift",
    }[after["state"]]


@describes("incidents_calendarfeed")
def feed(entry: AuditEntry, names: Names) -> str:
    verb = "made" if entry.operation == "insert" else "ended"
    return f"{verb} a calendar address of their own"


def _people(ids: Any, names: Names) -> str:
    # The trigger writes an array as PostgreSQL's to_jsonb does.
    return ", ".join(names.person(each) for each in ids)


def _short(moment: Any) -> str:
    return str(moment)[:16].replace("T", " ")


def _without(entry: AuditEntry, column: str) -> AuditEntry:
    """A copy that does not speak of the column."""
    return AuditEntry(
        operation=entry.operation,
        before={name: value for name, value in (entry.before or {}).items() if name != column},
        after={name: value for name, value in (entry.after or {}).items() if name != column},
    )

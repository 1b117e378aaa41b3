"""How changes of scheduled reports read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from incidents.models import ReportSchedule


@names_objects("incidents_reportschedule")
def report_schedules(ids: set[UUID]) -> dict[UUID, str]:
    return dict(ReportSchedule.objects.filter(pk__in=ids).values_list("pk", "name"))


@describes("incidents_reportschedule")
def report_schedule(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    subject = f"the scheduled report “{entry.object_id}”"
    if entry.operation == "insert":
        return f"scheduled the report “{entry.object_id}” for {_people(after['recipients'], names)}"
    if entry.operation == "delete":
        return f"deleted {subject}"
    if "is_active" in after:
        return f"resumed {subject}" if after["is_active"] else f"paused {subject}"
    if set(after) == {"recipients"}:
        return f"sends {subject} to {_people(after['recipients'], names)} from now on"
    return f"changed {subject}: {listed_changes(entry, {'responsible_id': 'responsible'})}"


def _people(recipients: list[str], names: Names) -> str:
    return ", ".join(names.person(each) for each in recipients)

"""How changes of incidents read in the audit log."""

from __future__ import annotations

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry

_LABELS = {"service_id": "service", "assignee_id": "assignee"}
_VERBS = {"investigating": "took up", "mitigated": "marked as mitigated", "resolved": "resolved"}


@describes("incidents_incident")
def incident(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"opened INC-{entry.object_id} “{after['title']}” ({after['severity']}, {after['priority']})"
    subject = f"INC-{entry.object_id}"
    if after.get("withdrawn_at"):
        return f"withdrew {subject}: {after.get('withdrawn_reason', '')}".rstrip(": ")
    if after.get("merged_into_id"):
        return f"merged {subject} into another incident"
    if "status" in after:
        return _moved(subject, before, after)
    if after.get("acknowledged_at"):
        return f"acknowledged {subject} again"
    if set(after) == {"assignee_id"}:
        return f"assigned {subject} to {names.person(after['assignee_id'])}"
    return f"changed {subject}: {listed_changes(entry, _LABELS)}"


def _moved(subject: str, before: dict[str, object], after: dict[str, object]) -> str:
    if before["status"] == "resolved":
        return f"reopened {subject}"
    if after["status"] == "investigating" and before["status"] == "open":
        return f"acknowledged {subject}"
    if after["status"] == "investigating":
        return f"took {subject} back to investigating"
    return f"{_VERBS[str(after['status'])]} {subject}"

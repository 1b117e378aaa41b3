"""How changes of incidents read in the audit log."""

from __future__ import annotations

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry
from incidents.models import Incident, IncidentTask, Postmortem, SavedView

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


@describes("incidents_incidentlink")
def link(entry: AuditEntry, names: Names) -> str:
    row = (entry.after or {}) | (entry.before or {})
    ends = Incident.objects.filter(pk__in=[row.get("incident_id"), row.get("other_id")]).order_by("number")
    both = " and ".join(incident.reference for incident in ends)
    return f"{'linked' if entry.operation == 'insert' else 'took away the link between'} {both}"


@describes("incidents_incidenttask")
def task(entry: AuditEntry, names: Names) -> str:
    row = IncidentTask.objects.select_related("incident").filter(pk=entry.object_id).first()
    subject = f"the task “{row.title}” of {row.incident.reference}" if row else "a task"
    if entry.operation == "insert":
        return f"added {subject}"
    if "done_at" in (entry.after or {}):
        return f"{'did' if (entry.after or {})['done_at'] else 'took up again'} {subject}"
    return f"changed {subject}: {listed_changes(entry, _LABELS)}"


@describes("incidents_postmortem")
def postmortem(entry: AuditEntry, names: Names) -> str:
    row = Postmortem.objects.select_related("incident").filter(pk=entry.object_id).first()
    subject = f"the postmortem of {row.incident.reference}" if row else "a postmortem"
    if entry.operation == "insert":
        return f"began {subject}"
    return f"{'published' if (entry.after or {}).get('published_at') else 'edited'} {subject}"


@describes("incidents_savedview")
def saved_view(entry: AuditEntry, names: Names) -> str:
    row = (entry.after or {}) | (entry.before or {})
    verb = {"insert": "saved", "update": "changed", "delete": "deleted"}[entry.operation]
    name = row.get("name") or next(iter(SavedView.objects.filter(pk=entry.object_id)), "")
    return f"{verb} the view “{name}” of the incidents"

"""How changes of detection rules read in the audit log."""

from __future__ import annotations

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry

_LABELS = {"service_id": "service", "match": "what it matches", "group_by": "grouping"}


@describes("detection_detectionrule")
def rule(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the detection rule “{after['name']}” ({_limits(after)})"
    if entry.operation == "delete":
        return f"deleted the detection rule “{before['name']}”"
    if set(after) == {"enabled"}:
        return f"{'enabled' if after['enabled'] else 'disabled'} a detection rule"
    return f"changed a detection rule: {listed_changes(entry, _LABELS)}"


def _limits(row: dict[str, dict[str, object]]) -> str:
    parameters, match = row["parameters"], row["match"]
    return f"more than {parameters['count']} from {match['min_level']} on in {parameters['window_seconds']} s"

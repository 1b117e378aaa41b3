"""How changes of detection rules read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from detection.models import DetectionRule

_LABELS = {"service_id": "service", "match": "what it matches", "group_by": "grouping"}


@describes("detection_detectionrule")
def rule(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the detection rule “{after['name']}” ({_limits(after)})"
    if entry.operation == "delete":
        return f"deleted the detection rule “{before['name']}”"
    if set(after) == {"enabled"}:
        return f"{'enabled' if after['enabled'] else 'disabled'} the detection rule {entry.object_id}"
    return f"changed the detection rule {entry.object_id}: {listed_changes(entry, _LABELS)}"


def _limits(row: dict[str, dict[str, object]]) -> str:
    parameters, match = row["parameters"], row["match"]
    return f"more than {parameters['count']} from {match['min_level']} on in {parameters['window_seconds']} s"


@names_objects("detection_detectionrule")
def rule_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.name}”" for one in DetectionRule.objects.filter(pk__in=ids)}

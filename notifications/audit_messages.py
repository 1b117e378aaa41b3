"""How changes of channels read in the audit log."""

from __future__ import annotations

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry

LABELS = {
    "minimum_severity": "minimum severity",
    "service_id": "service",
    "url": "address",
    "previous_secret_expires_at": "end of the former secret",
}


@describes("notifications_channel")
def describe_channel(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"created the {after['kind']} channel “{after['name']}”"
    if after.get("removed_at"):
        return "removed a channel and wiped its address"
    if set(after) == {"enabled"}:
        return f"switched a channel {'on' if after['enabled'] else 'off'}"
    if "secret" in after and "url" not in after:
        return "made a new signing secret for a channel"
    if entry.operation == "update":
        return f"changed a channel: {listed_changes(entry, LABELS)}"
    return f"deleted the channel “{before.get('name')}”"

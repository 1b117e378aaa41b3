"""How changes of channels read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from notifications.models import Channel

LABELS = {
    "minimum_severity": "minimum severity",
    "service_id": "service",
    "url": "address",
    "credential": "credential",
    "previous_secret_expires_at": "end of the former secret",
}


@describes("notifications_channel")
def describe_channel(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"created the {after['kind']} channel “{after['name']}”"
    if after.get("removed_at"):
        return f"removed the channel {entry.object_id} and wiped its address"
    if set(after) == {"enabled"}:
        return f"switched the channel {entry.object_id} {'on' if after['enabled'] else 'off'}"
    if "secret" in after and "url" not in after:
        return f"made a new signing secret for the channel {entry.object_id}"
    if entry.operation == "update":
        return f"changed the channel {entry.object_id}: {listed_changes(entry, LABELS)}"
    return f"deleted the channel “{before.get('name')}”"


@names_objects("notifications_channel")
def channel_names(ids: set[UUID]) -> dict[UUID, str]:
    return {channel.pk: f"“{channel.name}”" for channel in Channel.objects.filter(pk__in=ids)}

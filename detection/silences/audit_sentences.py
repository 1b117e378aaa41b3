"""How changes of silences read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from detection.models import Silence, SilenceKind

_LABELS = {"owner_id": "owner", "matchers": "what it fits", "recurrence": "hours"}


@describes("detection_silence")
def silence(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        what = SilenceKind(after["kind"]).label.lower()
        return f"made the {what} “{after['reason']}” until {str(after['ends_at'])[:16].replace('T', ' ')}"
    if entry.operation == "delete":
        return f"deleted the silence “{before['reason']}”"
    if after.get("removed_at"):
        return f"deleted the silence {entry.object_id}"
    if after.get("ended_at"):
        return f"ended the silence {entry.object_id}"
    return f"changed the silence {entry.object_id}: {listed_changes(entry, _LABELS)}"


@names_objects("detection_silence")
def silence_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.reason}”" for one in Silence.objects.filter(pk__in=ids)}

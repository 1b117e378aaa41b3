"""How the explorer's traces read in the audit log."""

from __future__ import annotations

from urllib.parse import parse_qsl

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry


@describes("ingestion_savedsearch")
def saved_search(entry: AuditEntry, names: Names) -> str:
    row = entry.after or entry.before or {}
    if entry.operation == "update":
        return f"changed a saved log search: {listed_changes(entry)}"
    kind = "the shared log search" if row["is_shared"] else "the log search"
    return f"{'saved' if entry.operation == 'insert' else 'deleted'} {kind} “{row['name']}”"


@describes("ingestion_logexport")
def log_export(entry: AuditEntry, names: Names) -> str:
    row = entry.after or {}
    filters = ", ".join(f"{name} {value}" for name, value in parse_qsl(row["query"])) or "no filter"
    return f"downloaded logs as {'CSV' if row['form'] == 'csv' else 'JSON lines'} ({filters})"


@describes("ingestion_deadletter")
def dead_letter(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"received a dead letter: {after['reason']}"
    if entry.operation == "delete":
        return f"deleted a dead letter: {before['reason']}"
    if after.get("replayed_at"):
        return f"replayed the dead letter {entry.object_id}"
    return f"changed the dead letter {entry.object_id}: {listed_changes(entry)}"

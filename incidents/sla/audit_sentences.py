"""How changes of SLA policies, calendars and clocks read in the audit log."""

from __future__ import annotations

from typing import Any

from audit.messages import Names, describes, listed_changes
from audit.models import AuditEntry
from incidents.models import BusinessCalendar, SlaClock, SlaPolicy
from organizations.models import Service

_VERBS = {"insert": "made", "update": "changed", "delete": "deleted"}


@describes("incidents_slapolicy")
def policy(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    name = after.get("name") or before.get("name") or _named(SlaPolicy, entry.object_id, "a removed one")
    if entry.operation == "insert":
        return f"made the SLA policy “{name}”"
    if after.get("removed_at"):
        return f"removed the SLA policy “{name}”"
    return f"changed the SLA policy “{name}”: {listed_changes(entry, {'calendar_id': 'calendar'})}"


@describes("incidents_businesscalendar")
def calendar(entry: AuditEntry, names: Names) -> str:
    row = (entry.after or {}) | (entry.before or {})
    name = row.get("name") or _named(BusinessCalendar, entry.object_id, "a deleted one")
    changes = f": {listed_changes(entry, {})}" if entry.operation == "update" else ""
    return f"{_VERBS[entry.operation]} the business calendar “{name}”{changes}"


@describes("incidents_servicesla")
def service_policy(entry: AuditEntry, names: Names) -> str:
    row = (entry.before or {}) | (entry.after or {})
    service = _named(Service, row.get("service_id"), "a service")
    if entry.operation == "delete":
        return f"put {service} under the default SLA policy"
    return f"put {service} under the SLA policy “{_named(SlaPolicy, row.get('policy_id'), 'a removed one')}”"


@describes("incidents_slaclock")
def clock(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    row = SlaClock.objects.select_related("incident").filter(pk=entry.object_id).first()
    subject = f"the clock “{row.label}” of {row.incident.reference}" if row else "a clock"
    if entry.operation == "insert":
        return f"started {subject}"
    if after.get("evidence"):
        return f"recorded {subject}"
    if after.get("breached_at"):
        return f"entered the breach of {subject}"
    if "state" in after:
        verb = {"paused": "paused", "stopped": "stopped", "running": "resumed"}[str(after["state"])]
        outcome = f" ({after['outcome']})" if after.get("outcome") else ""
        return f"{verb} {subject}{outcome}"
    if "breached_at" in after and before.get("breached_at"):
        return f"took back the breach of {subject}"
    return f"changed {subject}: {listed_changes(entry, {'policy_id': 'policy'})}"


def _named(model: Any, key: Any, otherwise: str) -> str:
    if key is None:
        return otherwise
    found = model.objects.filter(pk=key).first()
    return str(found) if found else otherwise

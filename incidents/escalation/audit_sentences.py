"""How changes of escalation policies, and what runs by them, read in the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from incidents.models import Escalation, EscalationPolicy, Incident, Responder, ServicePolicies
from organizations.models import Service

_STATES = {
    "running": "let an escalation run",
    "stopped": "stopped an escalation",
    "exhausted": "exhausted an escalation",
    "completed": "completed an escalation",
}


@describes("incidents_escalationpolicy")
def policy(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the escalation policy “{after['name']}” ({_steps(after)})"
    if entry.operation == "delete":
        return f"deleted the escalation policy “{before['name']}”"
    if set(after) == {"is_default"}:
        verb = "the default" if after["is_default"] else "no longer the default"
        return f"made the escalation policy {entry.object_id} {verb}"
    if "steps" in after:
        return f"changed whom the escalation policy {entry.object_id} tells ({_steps(after)})"
    return f"changed the escalation policy {entry.object_id}: {listed_changes(entry)}"


@names_objects("incidents_escalationpolicy")
def policy_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.name}”" for one in EscalationPolicy.objects.filter(pk__in=ids)}


@describes("incidents_servicepolicies")
def service_policies(entry: AuditEntry, names: Names) -> str:
    own = ServicePolicies.objects.filter(pk=entry.object_id).first()
    row = (entry.before or {}) | (entry.after or {})
    service_id = row.get("service_id") or (own.service_id if own else 0)
    service = Service.objects.filter(pk=service_id).first() or "a service"
    policy_id = row.get("escalation_policy_id")
    if not policy_id or entry.operation == "delete":
        return f"let {service} escalate by the default policy"
    found = EscalationPolicy.objects.filter(pk=policy_id).first()
    return f"let {service} escalate by “{found.name if found else 'a deleted policy'}”"


@describes("incidents_escalation")
def escalation(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    row = Escalation.objects.select_related("incident").filter(pk=entry.object_id).first()
    incident = row.incident.reference if row else "an incident"
    if entry.operation == "insert":
        return f"began an escalation of {incident} by “{row.policy['name'] if row else 'a policy'}”"
    return f"{_STATES[str(after['state'])]} of {incident}"


@describes("incidents_responder")
def responder(entry: AuditEntry, names: Names) -> str:
    row = Responder.objects.select_related("user", "incident").filter(pk=entry.object_id).first()
    if row is None:
        return "called a person to an incident"
    incident: Incident = row.incident
    return f"called {row.user.name} to {incident.reference}"


def _steps(row: dict[str, Any]) -> str:
    number = len(row["steps"])
    return "1 step" if number == 1 else f"{number} steps"

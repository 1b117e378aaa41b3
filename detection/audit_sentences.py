"""How changes of detection rules read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from detection.models import DetectionRule, Heartbeat
from incidents.analytics.rule_names import names_rules

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


@names_rules
def plain_rule_names(ids: set[UUID]) -> dict[UUID, str]:
    return dict(DetectionRule.objects.filter(pk__in=ids).values_list("pk", "name"))


@names_objects("detection_detectionrule")
def rule_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.name}”" for one in DetectionRule.objects.filter(pk__in=ids)}


_MAPPING_LABELS = {
    "service_labels": "the labels that name a service",
    "environment_labels": "the labels that name an environment",
    "severity_labels": "the labels that name a severity",
    "services": "what senders call services",
    "severities": "what senders call severities",
    "creates_services": "whether unknown services are made",
    "group_by": "the labels that group alerts",
    "rejoin_minutes": "how soon an alert reopens its incident",
    "storm_problems": "when a storm begins",
}


@describes("detection_alertmapping")
def alert_mapping(entry: AuditEntry, names: Names) -> str:
    if entry.operation == "insert":
        return "set down how alerts are read"
    return f"changed how alerts are read: {listed_changes(entry, _MAPPING_LABELS)}"


@describes("detection_heartbeat")
def heartbeat(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the heartbeat “{after['name']}” (every {after['period_seconds']} s)"
    if entry.operation == "delete":
        return f"deleted the heartbeat “{before['name']}”"
    if set(after) == {"enabled"}:
        return f"{'enabled' if after['enabled'] else 'disabled'} the heartbeat {entry.object_id}"
    return f"changed the heartbeat {entry.object_id}: {listed_changes(entry, {'service_id': 'service'})}"


@names_objects("detection_heartbeat")
def heartbeat_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: f"“{one.name}”" for one in Heartbeat.objects.filter(pk__in=ids)}

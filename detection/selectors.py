"""Every read of rules; in the organization of the open scope, but for the sweep's list of services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from detection.models import Alert, AlertMapping, DetectionRule, Heartbeat
from incident_center.kernel.api.problems import NotFound
from incidents.models import Incident
from incidents.selectors import family
from ingestion.levels import Level
from organizations.models import Service


def detection_rules() -> QuerySet[DetectionRule]:
    return DetectionRule.objects.select_related("service")


def get_rule(rule_id: UUID) -> DetectionRule:
    """Raises NotFound where there is none, or it is another organization's."""
    rule = detection_rules().filter(pk=rule_id).first()
    if rule is None:
        raise NotFound()
    return rule


def rules_for_service(service: Service) -> list[DetectionRule]:
    """The enabled rules that cover the service; none once it is retired."""
    if service.retired_at is not None:
        return []
    covers = (Q(service=None) | Q(service=service)) & (Q(environment="") | Q(environment__iexact=service.environment))
    return list(DetectionRule.objects.filter(covers, enabled=True).order_by("created_at", "pk"))


def lowest_level_watched() -> Level | None:
    """The lowest level that any enabled rule counts; None where there is no rule."""
    rules = DetectionRule.objects.filter(enabled=True)
    return min((rule.minimum_level for rule in rules), default=None)


@dataclass(frozen=True)
class ServiceToEvaluate:
    organization_id: int
    service_id: int


def services_to_evaluate(*, received_since: datetime) -> list[ServiceToEvaluate]:
    """Over all organizations: services with newly received logs that a rule may count, or with a watch that
    is due.

    Needs no scope: a narrow function answers with ids and nothing else.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, service_id FROM detection_services_to_evaluate(%s)", [received_since])
        return [ServiceToEvaluate(*row) for row in cursor.fetchall()]


# ---- Alerts --------------------------------------------------------------------------------------------------------


def alert_mapping() -> AlertMapping:
    """The organization's mapping; an unsaved one with the defaults where nobody changed any."""
    return AlertMapping.objects.first() or AlertMapping()


def alerts_of_incident(incident: Incident) -> QuerySet[Alert]:
    """Those of the incident and of what was merged into it, newest first."""
    return Alert.objects.filter(incident__in=family(incident)).select_related("service", "group").order_by("-id")


def groups_with_expired_alerts() -> list[tuple[int, UUID]]:
    """Over all organizations: organization and group of alerts that nobody sent again in time. Needs no scope."""
    return _ids("SELECT organization_id, group_id FROM detection_groups_with_expired_alerts()")


# ---- Heartbeats ----------------------------------------------------------------------------------------------------


def heartbeats() -> QuerySet[Heartbeat]:
    return Heartbeat.objects.select_related("service")


def get_heartbeat(heartbeat_id: UUID) -> Heartbeat:
    """Raises NotFound where there is none, or it is another organization's."""
    heartbeat = heartbeats().filter(pk=heartbeat_id).first()
    if heartbeat is None:
        raise NotFound()
    return heartbeat


def heartbeats_due() -> list[tuple[int, UUID]]:
    """Over all organizations: organization and heartbeat of those that are late. Needs no scope."""
    return _ids("SELECT organization_id, heartbeat_id FROM detection_heartbeats_due()")


def heartbeat_by_token(token_hash: bytes) -> tuple[int, UUID] | None:
    """Organization and heartbeat of the address with this secret. Needs no scope."""
    found = _ids("SELECT organization_id, heartbeat_id FROM detection_heartbeat_by_token(%s)", [token_hash])
    return found[0] if found else None


def _ids(query: str, parameters: list[bytes] | None = None) -> list[tuple[int, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [(int(organization_id), row_id) for organization_id, row_id in cursor.fetchall()]

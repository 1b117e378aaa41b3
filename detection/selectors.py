"""Every read of rules; in the organization of the open scope, but for the sweep's list of services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from detection.models import DetectionRule
from incident_center.kernel.api.problems import NotFound
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

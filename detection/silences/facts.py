"""An incident and an alert as silences look at them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from detection.alerts.case import STORM_KEY
from detection.models import Alert, AlertStatus
from detection.silences.matching import Facts
from incidents.models import Incident
from organizations.models import Service

#: Of a storm's alerts; as many as come at a time.
MOST_PARTS = 1_000
Labels = Mapping[str, Any]
_at_hand: ContextVar[tuple[Alert, ...]] = ContextVar("alerts that are opening an incident", default=())


@contextmanager
def alerts_at_hand(alerts: Sequence[Alert]) -> Iterator[None]:
    """Alerts that open an incident are not stored yet: a silence by their labels has to know them all the same."""
    token = _at_hand.set(tuple(alerts))
    try:
        yield
    finally:
        _at_hand.reset(token)


def facts_of(incident: Incident, alerts: Iterable[Labels] = ()) -> Facts:
    """``alerts`` are needed where a silence asks for their labels."""
    return Facts(
        title=incident.title,
        severity=incident.severity,
        labels=frozenset(incident.labels),
        dedup_key=incident.dedup_key or "",
        alerts=tuple(alerts),
        parts=_parts_of_storm(incident) if incident.dedup_key == STORM_KEY else (),
        **_of_service(incident.service),
    )


def _parts_of_storm(storm: Incident) -> tuple[Facts, ...]:
    """The newest: those before were looked at when they came."""
    firing = Alert.objects.filter(incident=storm).exclude(status=AlertStatus.RESOLVED).order_by("-pk")
    newest = firing.select_related("service", "group")[:MOST_PARTS]
    return tuple(facts_of_alert(alert) for alert in (*_at_hand.get(), *newest))


def facts_of_alert(alert: Alert) -> Facts:
    return Facts(
        title=alert.title,
        severity=alert.severity,
        dedup_key=alert.group.key,
        alerts=(alert.labels,),
        **_of_service(alert.service),
    )


def firing_labels(incidents: Collection[Incident]) -> dict[UUID, list[Labels]]:
    """The labels of the alerts of each incident that fire."""
    found = _labels(incidents, Alert.objects.exclude(status=AlertStatus.RESOLVED))
    at_hand = [alert.labels for alert in _at_hand.get()]
    return {incident_id: [*at_hand, *labels] for incident_id, labels in found.items()}


def all_labels(incidents: Collection[Incident]) -> dict[UUID, list[Labels]]:
    """The labels of the alerts that each incident has, or had."""
    return _labels(incidents, Alert.objects.all())


def _labels(incidents: Collection[Incident], alerts: QuerySet[Alert]) -> dict[UUID, list[Labels]]:
    """With those of incidents that live on in them; few queries, however many incidents."""
    home = {incident.pk: incident.pk for incident in incidents}
    level = list(home)
    while level:
        merged = dict(Incident.objects.filter(merged_into__in=level).values_list("pk", "merged_into_id"))
        home |= {pk: home[into] for pk, into in merged.items()}
        level = list(merged)
    found: dict[UUID, list[Labels]] = {incident.pk: [] for incident in incidents}
    for incident_id, labels in alerts.filter(incident__in=home).values_list("incident_id", "labels"):
        found[home[incident_id]].append(labels)
    return found


def _of_service(service: Service | None) -> dict[str, Any]:
    if service is None:
        return {}
    return {"service_id": service.public_id, "service_name": service.name, "environment": service.environment}

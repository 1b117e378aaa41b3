"""An incident and an alert as silences look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from detection.models import Alert, AlertStatus
from detection.silences.matching import Facts
from incidents.models import Incident
from incidents.selectors import family
from organizations.models import Service

Labels = Mapping[str, Any]
_at_hand: ContextVar[tuple[Labels, ...]] = ContextVar("labels of alerts that are opening an incident", default=())


@contextmanager
def alerts_at_hand(labels: Sequence[Labels]) -> Iterator[None]:
    """Alerts that open an incident are not stored yet: a silence by their labels has to know them all the same."""
    token = _at_hand.set(tuple(labels))
    try:
        yield
    finally:
        _at_hand.reset(token)


def facts_of(incident: Incident, *, with_alerts: bool) -> Facts:
    """The labels of the alerts are read only where a silence asks for them."""
    return Facts(
        title=incident.title,
        severity=incident.severity,
        labels=frozenset(incident.labels),
        dedup_key=incident.dedup_key or "",
        alerts=_firing(incident) if with_alerts else (),
        **_of_service(incident.service),
    )


def facts_of_alert(alert: Alert) -> Facts:
    return Facts(
        title=alert.title,
        severity=alert.severity,
        dedup_key=alert.group.key,
        alerts=(alert.labels,),
        **_of_service(alert.service),
    )


def _firing(incident: Incident) -> tuple[Labels, ...]:
    stored = Alert.objects.filter(incident__in=family(incident)).exclude(status=AlertStatus.RESOLVED)
    return (*_at_hand.get(), *stored.values_list("labels", flat=True))


def _of_service(service: Service | None) -> dict[str, Any]:
    if service is None:
        return {}
    return {"service_id": service.public_id, "service_name": service.name, "environment": service.environment}

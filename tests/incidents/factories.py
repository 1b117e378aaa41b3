"""Incidents in the state that a test wants, made through the product's own actions."""

from __future__ import annotations

from typing import Any

from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_open import DetectedProblem, incident_open
from incidents.lifecycle import Severity, Status
from incidents.models import Incident
from tests.factories import World

# django-pgtrigger's own way of skipping triggers: a setting that lists their names.
SWITCH_TRIGGERS_OFF = """
SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, false) FROM pg_trigger WHERE NOT tgisinternal
"""


def open_incident(world: World, *, title: str = "Payments fail", key: str | None = None, **options: Any) -> Incident:
    options.setdefault("actor", world.actor)
    options.setdefault("severity", Severity.HIGH)
    if key is not None:
        options["problem"] = DetectedProblem(dedup_key=key)
    return incident_open(title=title, **options).incident


def at_status(world: World, status: Status, **options: Any) -> Incident:
    """An incident that its owner moved to the status in one legal step."""
    incident = open_incident(world, **options)
    if status is not Status.OPEN:
        incident = incident_change_status(incident_id=incident.pk, actor=world.actor, status=status)
    return incident

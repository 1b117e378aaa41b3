"""Woken by the intake, and by the sweep for whatever a lost message forgot."""

from __future__ import annotations

from celery import shared_task

from detection.actions.evaluate_service import DETECTION, evaluate_service
from incident_center.kernel.scope import organization_scope, require_organization_id


@shared_task(name="detection.tasks.evaluate_service", ignore_result=True)
def evaluate_service_task(*, service_id: int) -> None:
    """Runs in the scope of the organization whose logs were stored, in detection's own name."""
    with organization_scope(require_organization_id(), actor=DETECTION):
        evaluate_service(service_id=service_id)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from organizations.events import OrganizationChanged, organization_changed
from organizations.models import RETENTION_CHOICES, Organization, validate_time_zone

EDITABLE = ("name", "timezone", "log_retention_days")


def organization_update(*, organization_id: int, actor: Actor, changes: Mapping[str, Any]) -> Organization:
    """Changes ``name``, ``timezone`` or ``log_retention_days``.

    Raises:
        InvalidInput: the name is empty or the retention not one of the classes.
        ValidationError: the time zone is unknown.
    """
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(pk=organization_id)
        if "name" in changes:
            organization.name = changes["name"].strip()
            if not organization.name:
                raise InvalidInput("name", "The name may not be empty.")
        if "timezone" in changes:
            validate_time_zone(changes["timezone"])
            organization.timezone = changes["timezone"]
        if "log_retention_days" in changes:
            classes = [days for days, _ in RETENTION_CHOICES]
            if changes["log_retention_days"] not in classes:
                raise InvalidInput("log_retention_days", f"Choose one of {', '.join(map(str, classes))} days.")
            organization.log_retention_days = changes["log_retention_days"]
        organization.save(update_fields=list(EDITABLE))
        organization_changed.emit(OrganizationChanged(organization=organization, actor=actor))
        return organization

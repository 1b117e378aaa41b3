"""Checks on the people and services that an incident names; they stand where a foreign key cannot reach."""

from __future__ import annotations

from uuid import UUID

from incident_center.kernel.api.problems import InvalidInput
from organizations.access import Action, Role, allows
from organizations.models import Membership, Service, User


def responder(user_id: UUID, *, field: str = "assignee") -> User:
    """An active member whose role works on incidents.

    Raises:
        InvalidInput: no such member, or one who may only read.
    """
    membership = Membership.objects.select_related("user").filter(user_id=user_id, is_active=True).first()
    if membership is None:
        raise InvalidInput(field, "There is no such active member in your organization.")
    role = Role(membership.role)
    if not allows(role, Action.WORK_INCIDENTS):
        raise InvalidInput(field, f"{membership.user} is {role.label} and may not {Action.WORK_INCIDENTS.value}.")
    return membership.user


def service_in_use(service_id: UUID | None) -> Service | None:
    """The service with this public id.

    Raises:
        InvalidInput: there is none, or it was retired.
    """
    if service_id is None:
        return None
    service = Service.objects.filter(public_id=service_id, retired_at=None).first()
    if service is None:
        raise InvalidInput("service", "There is no such service.")
    return service

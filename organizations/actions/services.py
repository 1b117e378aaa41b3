from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from organizations import service_extensions
from organizations.models import ApiKey, Service, Team


def service_create(
    *,
    actor: Actor,
    name: str,
    environment: str = "production",
    description: str = "",
    team_id: UUID | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Service:
    """Makes a service. ``extensions`` are settings that upper apps registered (``service_extensions``).

    Raises:
        InvalidInput: empty name, unknown team, or what an extension refuses.
        Conflict: the name is taken in the environment.
    """
    service = Service(
        name=_filled("name", name), environment=_filled("environment", environment), description=description
    )
    service.team = _team(team_id)
    with transaction.atomic():
        saved = _saved(service)
        service_extensions.write(saved, extensions or {}, actor)
    return saved


def service_update(*, service_id: UUID, actor: Actor, changes: Mapping[str, Any]) -> Service:
    """Changes ``name``, ``environment``, ``description``, ``team_id`` or a registered extension.

    Raises:
        NotFound, InvalidInput, Conflict: as ``service_create``.
    """
    with transaction.atomic():
        service = _locked(service_id)
        for field in ("name", "environment"):
            if field in changes:
                setattr(service, field, _filled(field, changes[field]))
        if "description" in changes:
            service.description = changes["description"]
        if "team_id" in changes:
            service.team = _team(changes["team_id"])
        saved = _saved(service)
        service_extensions.write(saved, changes, actor)
    return saved


def service_retire(*, service_id: UUID, actor: Actor) -> None:
    """Takes the service out of use: its keys die at once, its logs and incidents stay, its name is free again."""
    with transaction.atomic():
        service = _locked(service_id)
        now = timezone.now()
        for key in ApiKey.objects.select_for_update().filter(service=service, revoked_at=None):
            key.revoked_at = now
            key.save(update_fields=["revoked_at"])
        service.retired_at = now
        service.save(update_fields=["retired_at"])


def _filled(field: str, value: str) -> str:
    value = value.strip()
    if not value:
        raise InvalidInput(field, f"The {field} may not be empty.")
    return value


def _team(team_id: UUID | None) -> Team | None:
    if team_id is None:
        return None
    team = Team.objects.filter(pk=team_id).first()
    if team is None:
        raise InvalidInput("team", "There is no such team.")
    return team


def _locked(service_id: UUID) -> Service:
    service = Service.objects.select_for_update().filter(public_id=service_id, retired_at=None).first()
    if service is None:
        raise NotFound()
    return service


def _saved(service: Service) -> Service:
    try:
        with transaction.atomic():
            service.save()
    except IntegrityError as error:
        raise Conflict(f"There is a service {service.name!r} in {service.environment!r} already.") from error
    return service

"""Reads of people, services and keys; each sees the open scope's organization only."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from incident_center.kernel.api.problems import NotFound
from organizations.models import ApiKey, JoinCode, Membership, Service, Team


def services() -> QuerySet[Service]:
    """The services in use, with their teams, by name."""
    return Service.objects.filter(retired_at=None).select_related("team").order_by("name", "environment", "pk")


def get_service(public_id: UUID) -> Service:
    """Raises NotFound when absent, retired, or another organization's."""
    service = services().filter(public_id=public_id).first()
    if service is None:
        raise NotFound()
    return service


def keys_of(service: Service | None) -> QuerySet[ApiKey]:
    """The service's keys, or, for None, the organization's gateway keys; newest first."""
    return ApiKey.objects.filter(service=service).select_related("service", "created_by").order_by("-created_at", "-pk")


def members() -> QuerySet[Membership]:
    return Membership.objects.select_related("user").order_by("joined_at", "pk")


def get_member(membership_id: UUID) -> Membership:
    """Raises NotFound when absent or another organization's."""
    membership = members().filter(pk=membership_id).first()
    if membership is None:
        raise NotFound()
    return membership


def active_members() -> QuerySet[Membership]:
    return members().filter(is_active=True)


def living_join_code() -> JoinCode | None:
    """The code that still lets somebody in, or None."""
    code = JoinCode.objects.filter(revoked_at=None, expires_at__gt=timezone.now()).first()
    return code if code is not None and code.uses < code.max_uses else None


def teams() -> QuerySet[Team]:
    return Team.objects.prefetch_related("team_members").order_by("name", "pk")


def get_team(team_id: UUID) -> Team:
    """Raises NotFound when absent or another organization's."""
    team = teams().filter(pk=team_id).first()
    if team is None:
        raise NotFound()
    return team

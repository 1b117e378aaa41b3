from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from organizations.models import Membership, Service, Team, TeamMember


def team_create(*, actor: Actor, name: str, description: str = "", members: list[UUID] | None = None) -> Team:
    """Raises InvalidInput (empty name, unknown member) or Conflict (the name is taken)."""
    with transaction.atomic():
        team = _saved(Team(name=_filled(name), description=description))
        _set_members(team, members or [])
    return team


def team_update(*, team_id: UUID, actor: Actor, changes: Mapping[str, Any]) -> Team:
    """Changes ``name``, ``description`` or ``members`` (all of them: those left out leave the team).

    Raises:
        NotFound, InvalidInput, Conflict: as ``team_create``.
    """
    with transaction.atomic():
        team = _locked(team_id)
        if "name" in changes:
            team.name = _filled(changes["name"])
        if "description" in changes:
            team.description = changes["description"]
        _saved(team)
        if "members" in changes:
            _set_members(team, changes["members"])
    return team


def team_delete(*, team_id: UUID, actor: Actor) -> None:
    """Raises NotFound, or Conflict while services belong to the team."""
    with transaction.atomic():
        team = _locked(team_id)
        services = list(Service.objects.filter(team=team, retired_at=None).values_list("name", flat=True)[:5])
        if services:
            raise Conflict(f"Services belong to this team ({', '.join(services)}); give them to another one first.")
        Service.objects.filter(team=team).update(team=None)
        team.delete()


def _filled(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInput("name", "The name may not be empty.")
    return name


def _locked(team_id: UUID) -> Team:
    team = Team.objects.select_for_update().filter(pk=team_id).first()
    if team is None:
        raise NotFound()
    return team


def _saved(team: Team) -> Team:
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError as error:
        raise Conflict(f"There is a team {team.name!r} already.") from error
    return team


def _set_members(team: Team, members: list[UUID]) -> None:
    wanted = set(members)
    known = set(Membership.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if unknown := wanted - known:
        raise InvalidInput("members", f"There is no such member: {', '.join(sorted(map(str, unknown)))}.")
    present = {row.membership_id: row for row in TeamMember.objects.filter(team=team)}
    for membership_id in sorted(wanted - present.keys()):
        TeamMember.objects.create(team=team, membership_id=membership_id)
    for membership_id, row in present.items():
        if membership_id not in wanted:
            row.delete()

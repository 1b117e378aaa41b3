"""From what a step names to the people whom it tells at this moment, and for everyone else the reason why not."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from incidents.escalation.on_call import schedules
from incidents.escalation.plan import Target, TargetKind
from incidents.escalation.reachability import reachability
from incidents.schedules.selectors import RESPONDER_ROLES
from organizations.access import Role
from organizations.models import Membership, Team, TeamMember

logger = logging.getLogger(__name__)

LAST_RESORT_ROLES = (Role.OWNER, Role.TEAM_LEAD)
GONE = "is not there any more"


@dataclass
class TargetFinding:
    """What became of one target. ``reason`` says why it told nobody, and is empty where it told somebody."""

    kind: str
    id: UUID | None
    name: str
    people: list[UUID] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    """Of its people those who are not told: id, name, reason."""
    reason: str = ""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else ""

    def as_data(self) -> dict[str, Any]:
        return {
            "type": self.kind,
            "id": str(self.id) if self.id else None,
            "name": self.name,
            "people": [str(user_id) for user_id in self.people],
            "skipped": self.skipped,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Findings:
    """Whom a step tells, each once, in the order in which it names them."""

    targets: tuple[TargetFinding, ...]
    people: tuple[UUID, ...]
    channels: tuple[UUID, ...]
    names: dict[UUID, str]
    """Of people and channels."""
    unreachable: tuple[UUID, ...] = ()
    """People who work on incidents, and whom no message would reach."""

    @property
    def has_somebody(self) -> bool:
        """Whether a person is reached, or a channel on which people read."""
        return bool(self.people or self.channels)


def find_people(targets: Iterable[Target], at: datetime) -> Findings:
    """Looks up who stands behind the targets at that moment, leaving out whom no message would reach."""
    findings = [_candidates(target, at) for target in targets]
    members = _members({user_id for finding in findings for user_id in finding.people})
    active = [user_id for user_id, member in members.items() if member.is_active and member.role in RESPONDER_ROLES]
    unreachable = reachability().unreachable_people(active)
    names = {user_id: member.user.name for user_id, member in members.items()}
    for finding in findings:
        if finding.kind != TargetKind.CHANNEL:
            _keep_reachable(finding, members, unreachable)
    channels = _open_channels(findings, names)
    people = dict.fromkeys(user_id for finding in findings for user_id in finding.people)
    return Findings(tuple(findings), tuple(people), tuple(channels), names, tuple(unreachable))


def with_unreachable(findings: Findings) -> Findings:
    """Where no message would reach anybody of whom a person names: all the same those who are active members, who at
    least see it in the portal. That no message reaches them stays on the record.
    """
    if findings.has_somebody:
        return findings
    return replace(findings, people=findings.unreachable)


def find_last_resort() -> Findings:
    """The owners and team leads; where no message would reach any of them, everyone who works on incidents.

    It names somebody in any case: an organization always has an active owner, who at least has an inbox.
    """
    everyone = Membership.objects.filter(is_active=True, role__in=RESPONDER_ROLES).select_related("user")
    members = {member.user_id: member for member in everyone.order_by("joined_at", "pk")}
    unreachable = reachability().unreachable_people(list(members))
    within_reach = [user_id for user_id in members if user_id not in unreachable]
    name = "Owners and team leads"
    told = [user_id for user_id in within_reach if members[user_id].role in LAST_RESORT_ROLES]
    if not told:
        name, told = "Everyone who works on incidents", within_reach or list(members)
    finding = TargetFinding("last_resort", None, name, people=told)
    return Findings((finding,), tuple(told), (), {user_id: members[user_id].user.name for user_id in told})


# ---- Who stands behind a target ----------------------------------------------------------------------------


def _candidates(target: Target, at: datetime) -> TargetFinding:
    match target.kind:
        case TargetKind.USER:
            return TargetFinding("user", target.id, "", people=[target.id])
        case TargetKind.TEAM:
            return _team(target.id)
        case TargetKind.SCHEDULE:
            return _schedule(target.id, at)
        case TargetKind.CHANNEL:
            return TargetFinding("channel", target.id, "")


def _team(team_id: UUID) -> TargetFinding:
    team = Team.objects.filter(pk=team_id).first()
    if team is None:
        return TargetFinding("team", team_id, "A team", reason=GONE)
    rows = TeamMember.objects.filter(team=team).order_by("pk").values_list("membership__user_id", flat=True)
    people: list[UUID] = [user_id for user_id in rows if user_id is not None]
    return TargetFinding("team", team_id, team.name, people=people, reason="" if people else "has no members")


def _schedule(schedule_id: UUID, at: datetime) -> TargetFinding:
    """Whoever is on call. A schedule that cannot be read must not keep an incident from opening, nor a step from the
    next one: it tells nobody, and says so.
    """
    try:
        with transaction.atomic():
            name = schedules().schedule_names().get(schedule_id)
            people = [] if name is None else list(schedules().on_call(schedule_id, at))
    except Exception:
        logger.exception("schedule %s could not be read", schedule_id)
        return TargetFinding("schedule", schedule_id, "A schedule", reason="could not be read")
    if name is None:
        return TargetFinding("schedule", schedule_id, "A schedule", reason=GONE)
    return TargetFinding("schedule", schedule_id, name, people=people, reason="" if people else "has nobody on call")


def _members(user_ids: set[UUID]) -> dict[UUID, Membership]:
    found = Membership.objects.filter(user_id__in=user_ids).select_related("user") if user_ids else ()
    return {member.user_id: member for member in found}


def _keep_reachable(finding: TargetFinding, members: dict[UUID, Membership], unreachable: Any) -> None:
    candidates, finding.people = finding.people, []
    for user_id in candidates:
        member = members.get(user_id)
        reason = _why_not(member, unreachable)
        if not reason:
            finding.people.append(user_id)
        else:
            name = member.user.name if member else "Someone"
            finding.skipped.append({"id": str(user_id), "name": name, "reason": reason})
    if finding.kind == TargetKind.USER:
        member = members.get(candidates[0])
        finding.name = member.user.name if member else "A person"
    if candidates and not finding.people:
        reasons = {each["reason"] for each in finding.skipped}
        single = finding.kind == TargetKind.USER
        finding.reason = reasons.pop() if single else "has nobody who can be reached"


def _why_not(member: Membership | None, unreachable: Any) -> str:
    """Why a person is not told, to follow the name; empty where the person is."""
    if member is None:
        return "is no member any more"
    if not member.is_active:
        return "is not active any more"
    if member.role not in RESPONDER_ROLES:
        return f"is {Role(member.role).label} and does not work on incidents"
    return str(unreachable.get(member.user_id, ""))


def _open_channels(findings: Sequence[TargetFinding], names: dict[UUID, str]) -> list[UUID]:
    wanted = [finding for finding in findings if finding.kind == TargetKind.CHANNEL and finding.id]
    if not wanted:
        return []
    known = reachability().channel_names()
    closed = reachability().unreachable_channels([finding.id for finding in wanted if finding.id])
    opened: dict[UUID, None] = {}
    for finding in wanted:
        assert finding.id is not None
        finding.name = known.get(finding.id, "A channel")
        finding.reason = closed.get(finding.id, "")
        if not finding.reason:
            opened[finding.id] = None
            names[finding.id] = finding.name
    return list(opened)

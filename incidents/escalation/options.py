"""What a step can name: the people, schedules, teams and channels of the organization, with their names."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from incidents.escalation.on_call import schedules
from incidents.escalation.plan import TargetKind
from incidents.escalation.reachability import reachability
from incidents.schedules.selectors import responders
from organizations.models import Team


def known_targets() -> Mapping[str, Mapping[UUID, str]]:
    """By kind, the ids and names that a policy may name now, by name."""
    return {
        TargetKind.USER: {member.user_id: member.user.name for member in responders()},
        TargetKind.SCHEDULE: dict(schedules().schedule_names()),
        TargetKind.TEAM: dict(Team.objects.order_by("name").values_list("pk", "name")),
        TargetKind.CHANNEL: dict(reachability().channel_names()),
    }

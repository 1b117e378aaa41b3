"""Who would be told of a change, by what, when, and why: the same code that tells, without telling."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from incidents.escalation.plan import LAST_RESORT, plan_of, timetable
from incidents.escalation.selectors import policy_for_service
from incidents.escalation.targets import Findings, find_last_resort, find_people
from incidents.events import Urgency
from notifications.channels.registry import KINDS
from notifications.models import Channel
from notifications.paging import plan, urgency_of_severity
from notifications.recipients import RESPONDERS
from notifications.routing.plan import Case, RoutePlan, plan_routes
from notifications.topics import ALARMS, PAGING
from organizations.models import Membership

# Steps of the escalation that are shown; a policy may repeat for days.
MOST_STEPS_SHOWN = 12


@dataclass(frozen=True)
class Telling:
    """One message that would leave; ``by`` is empty where only the inbox has it."""

    at: datetime
    who: str
    by: str
    why: str


@dataclass
class Simulation:
    """What would happen at that moment, as long as nobody acknowledges."""

    routes: RoutePlan
    tellings: list[Telling] = field(default_factory=list)
    # What leads to nobody, in sentences.
    gaps: list[str] = field(default_factory=list)


def simulate(case: Case, at: datetime, *, only: UUID | None = None) -> Simulation:
    """``only``: this route alone, also where it is switched off, and no escalation."""
    routes = plan_routes(case, at, only=only)
    found = Simulation(routes=routes, gaps=list(routes.nobody))
    for channel in routes.open_channels():
        why = f"Route {_quoted(routes.channels[channel.pk])}."
        found.tellings.append(_channel_telling(channel, at, why))
    if routes.people:
        urgency = urgency_of_severity(case.severity)
        for user_id, names in routes.people.items():
            why = f"Route {_quoted(names)}"
            found.tellings += _people_tellings([user_id], urgency, case, at, why, is_paged=case.topic in PAGING)
    if case.topic in ALARMS and only is None:
        _escalation(found, case, at)
    found.tellings.sort(key=lambda telling: telling.at)
    return found


def _escalation(found: Simulation, case: Case, at: datetime) -> None:
    policy = policy_for_service(case.service.pk if case.service else None)
    if policy is None:
        members = Membership.objects.filter(is_active=True, role__in=RESPONDERS).order_by("pk")
        everyone = list(members.values_list("user_id", flat=True))
        why = "No escalation policy covers it, so everyone who works on incidents is told"
        found.tellings += _people_tellings(everyone, urgency_of_severity(case.severity), case, at, why)
        return
    steps = plan_of(policy.frozen())
    for due in islice(timetable(steps, at), MOST_STEPS_SHOWN):
        is_last = due.position.level == LAST_RESORT
        findings = find_last_resort() if is_last else find_people(steps.steps[due.position.level - 1].targets, due.at)
        name = "the last resort" if is_last else f"step {due.position.level}"
        if due.position.round > 1 and not is_last:
            name += f", round {due.position.round}"
        why = f"Escalation policy “{policy.name}”, {name}"
        urgency = Urgency.HIGH if is_last or steps.urgency.is_high(case.severity, due.at) else Urgency.LOW
        found.tellings += _step_tellings(findings, urgency, case, due.at, why)
        found.gaps += [f"{why}: {each.name} {each.reason}" for each in findings.targets if each.reason]


def _step_tellings(findings: Findings, urgency: Urgency, case: Case, at: datetime, why: str) -> list[Telling]:
    channels = Channel.objects.filter(pk__in=findings.channels).order_by("pk")
    tellings = [_channel_telling(channel, at, f"{why}.") for channel in channels]
    return tellings + _people_tellings(list(findings.people), urgency, case, at, why)


def _channel_telling(channel: Channel, at: datetime, why: str) -> Telling:
    kind = KINDS.get(channel.kind)
    return Telling(at, channel.name, kind.label if kind else channel.kind, why)


def _people_tellings(
    user_ids: list[UUID], urgency: Urgency, case: Case, at: datetime, why: str, *, is_paged: bool = True
) -> list[Telling]:
    if not is_paged:
        members = Membership.objects.filter(user__in=user_ids).select_related("user")
        return [Telling(at, str(member.user), "", f"{why}; it is no alarm, so by inbox only.") for member in members]
    return [
        Telling(
            step.due_at,
            str(step.user),
            step.contact.get_words() if step.contact else "",
            f"{why}; {step.user} {step.reason}." if step.contact is None else f"{why}; {step.reason}.",
        )
        for step in plan(user_ids, urgency, case.severity, at)
    ]


def _quoted(names: list[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)

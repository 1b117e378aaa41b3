"""Who is told of a change by the routes, and why each route fits or does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from incidents.escalation.plan import Target, TargetKind
from incidents.escalation.targets import find_people
from incidents.ledger import Ruling
from incidents.models import Incident, Stage
from notifications.models import Channel, Delivery, Route
from notifications.routing.matching import SEVERITY, Facts, fit, mismatches
from notifications.topics import Topic
from organizations.models import Service


@dataclass(frozen=True)
class Case:
    """A change of an incident, real or supposed, as routes look at it."""

    topic: Topic
    severity: str
    service: Service | None

    @classmethod
    def of(cls, incident: Incident, topic: Topic) -> Case:
        return cls(topic, incident.severity, incident.service)

    @property
    def facts(self) -> Facts:
        service = self.service
        return Facts(
            topic=self.topic.value,
            severity=self.severity,
            service_id=service.public_id if service else None,
            service_name=service.name if service else "",
            environment=service.environment if service else "",
            team_id=service.team_id if service else None,
            team_name=service.team.name if service and service.team else "",
        )


@dataclass(frozen=True)
class Considered:
    """What became of one route. ``outcome``: matched, not_matched, or not_reached behind one that stops."""

    route: Route
    outcome: str
    reason: str


@dataclass
class RoutePlan:
    """Channels and people by id, each with the names of the routes that lead to it, in order."""

    considered: list[Considered] = field(default_factory=list)
    channels: dict[UUID, list[str]] = field(default_factory=dict)
    people: dict[UUID, list[str]] = field(default_factory=dict)
    # Of targets that told nobody: the sentence.
    nobody: list[str] = field(default_factory=list)

    def rulings(self) -> list[Ruling]:
        """One for each route, for the explain ledger."""
        return [
            Ruling(
                Stage.ROUTE, each.outcome, each.reason, subject=f"route:{each.route.pk}", subject_name=each.route.name
            )
            for each in self.considered
        ]

    def leave_only(self, channels: Collection[UUID]) -> None:
        """Of an incident that is muted: nobody new hears of it, only these channels, which know of it already."""
        self.channels = {pk: names for pk, names in self.channels.items() if pk in channels}
        self.people = {}

    def open_channels(self) -> list[Channel]:
        return list(Channel.objects.filter(pk__in=self.channels, enabled=True, removed_at=None).order_by("pk"))


def channels_that_know(incident: Incident) -> set[UUID]:
    """Those that have been told of the incident: they hear of its end too, whatever its severity is by then."""
    told = Delivery.objects.filter(incident=incident, channel__isnull=False)
    return set(told.values_list("channel_id", flat=True).distinct())


def plan_routes(case: Case, at: datetime, *, knowing: Collection[UUID] = (), only: UUID | None = None) -> RoutePlan:
    """Goes through the routes in order.

    Args:
        knowing: channels that are told by a route that fits but for the severity.
        only: considers this route alone.
    """
    plan = RoutePlan()
    facts = case.facts
    stopped_by = ""
    routes = Route.objects.filter(enabled=True) if only is None else Route.objects.filter(pk=only)
    for route in routes.order_by("position", "pk"):
        if stopped_by:
            plan.considered.append(Considered(route, "not_reached", f"“{stopped_by}” fits, and stops the search."))
            continue
        missing = mismatches(route.conditions, facts)
        if not missing:
            plan.considered.append(Considered(route, "matched", f"It fits: {fit(route.conditions, facts)}."))
            _aim(plan, route, route.aims, at)
            stopped_by = route.name if route.stops else ""
            continue
        words = "; ".join(each.reason for each in missing)
        forgiven = [aim for aim in route.aims if aim.kind is TargetKind.CHANNEL and aim.id in knowing]
        if forgiven and {each.condition for each in missing} == {SEVERITY}:
            reason = f"Although {words}, its channels know of the incident and hear how it goes on."
            plan.considered.append(Considered(route, "matched", reason))
            _aim(plan, route, forgiven, at)
        else:
            plan.considered.append(Considered(route, "not_matched", f"It does not fit: {words}."))
    return plan


def _aim(plan: RoutePlan, route: Route, aims: list[Target], at: datetime) -> None:
    findings = find_people(aims, at)
    for channel_id in findings.channels:
        plan.channels.setdefault(channel_id, []).append(route.name)
    for user_id in findings.people:
        plan.people.setdefault(user_id, []).append(route.name)
    plan.nobody += [f"{route.name}: {each.name} {each.reason}" for each in findings.targets if each.reason]

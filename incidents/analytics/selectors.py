"""The figures of a period; in the organization of the open scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from incident_center.kernel.scope import require_organization_id
from incidents.analytics.facts import Measure
from incidents.analytics.figures import (
    Attainment,
    Durations,
    Group,
    Noise,
    PersonLoad,
    Point,
    RuleNoise,
    SlaFigures,
    Summary,
    Trends,
)
from incidents.analytics.period import last_days
from incidents.analytics.rule_names import names_of_rules
from incidents.analytics.source import Choice, counted
from incidents.lifecycle import SEVERITY_ORDER
from incidents.models import SlaClock
from organizations.models import Organization, Service, User

#: Of rules; the page and the API show the noisiest.
MOST_RULES = 20
_OF_GROUPS = (Measure.OPENED, Measure.ACKNOWLEDGED, Measure.RESOLVED, Measure.WITHOUT_ACTION)
#: What ``decide`` takes.
DECIDED = (Measure.SLA_MET, Measure.SLA_MISSED)


def organization_timezone() -> str:
    return Organization.objects.values_list("timezone", flat=True).get(pk=require_organization_id())


def response_times(choice: Choice) -> tuple[Durations, Durations]:
    """To acknowledge (MTTA) and to resolve (MTTR), with their means, medians and 90th percentiles."""
    times = {Measure.ACKNOWLEDGED: Durations(), Measure.RESOLVED: Durations()}
    bins = {Measure.ACKNOWLEDGED_BIN: Measure.ACKNOWLEDGED, Measure.RESOLVED_BIN: Measure.RESOLVED}
    for measure, key, number, seconds in counted(choice, [*times, *bins], by=("measure", "key")):
        if measure in times:
            times[measure].add(number, seconds)
        else:
            times[bins[measure]].bins[int(key)] += number
    return times[Measure.ACKNOWLEDGED], times[Measure.RESOLVED]


def recent_response_times(now: datetime | None = None) -> tuple[tuple[Durations, Durations], ...]:
    """Those of the last 30 days, today included, and of the 30 days before them."""
    period = last_days(30, now or timezone.now(), organization_timezone())
    return response_times(Choice(period)), response_times(Choice(period.before))


def summary(choice: Choice) -> Summary:
    whole, severities = Group(), {severity: Group(name=severity) for severity in reversed(SEVERITY_ORDER)}
    whole.time_to_acknowledge, whole.time_to_resolve = response_times(choice)
    for measure, key, number, seconds in counted(choice, _OF_GROUPS, by=("measure", "key")):
        add(severities[key], measure, number, seconds)
        if measure in (Measure.OPENED, Measure.WITHOUT_ACTION):
            add(whole, measure, number, seconds)
    services, teams = _by_service(choice)
    people = _people(choice)
    noise = Noise(
        pages=sum(person.pages for person in people),
        opened=whole.opened,
        resolved=whole.resolved,
        without_action=whole.without_action,
        rules=_rules(choice),
    )
    return Summary(choice.period, whole, list(severities.values()), services, teams, noise, people)


def trends(choice: Choice) -> Trends:
    points = {day: Point(day) for day in choice.period.days}
    for day, measure, key, number, seconds in counted(choice, _OF_GROUPS, by=("day", "measure", "key")):
        add(points[day].group, measure, number, seconds)
        if measure == Measure.OPENED:
            points[day].severities[key] += number
    hours = [[0] * 24 for _ in range(7)]
    for day, hour, number, _ in counted(choice, [Measure.OPENED_HOUR], by=("day", "key")):
        hours[day.weekday()][int(hour)] += number
    return Trends(choice.period, list(points.values()), hours)


def sla_figures(choice: Choice) -> SlaFigures:
    kinds = {str(kind): Attainment(name=str(kind)) for kind in SlaClock.Kind}
    services: dict[int | None, Attainment] = defaultdict(Attainment)
    points = {day: Attainment(day=day) for day in choice.period.days}
    whole = Attainment()
    for day, measure, kind, number, _ in counted(choice, DECIDED, by=("day", "measure", "key")):
        for attainment in (whole, kinds[kind], points[day]):
            decide(attainment, measure, number)
    for service, measure, number, _ in counted(choice, DECIDED, by=("service_id", "measure")):
        decide(services[service], measure, number)
    known = _services(services)
    for service_id, attainment in services.items():
        attainment.id, attainment.name, attainment.environment = _named(known.get(service_id))
    listed = sorted(services.values(), key=lambda each: (each.share or 0, each.name))
    return SlaFigures(choice.period, whole, list(kinds.values()), listed, list(points.values()))


def add(group: Group, measure: str, number: int, seconds: float) -> None:
    """Adds counted facts of a measure of openings, acknowledgements, resolutions."""
    if measure == Measure.OPENED:
        group.opened += number
    elif measure == Measure.ACKNOWLEDGED:
        group.time_to_acknowledge.add(number, seconds)
    elif measure == Measure.RESOLVED:
        group.time_to_resolve.add(number, seconds)
    else:
        group.without_action += number


def decide(attainment: Attainment, measure: str, number: int) -> None:
    """Adds counted facts of a measure among DECIDED."""
    if measure == Measure.SLA_MET:
        attainment.met += number
    else:
        attainment.missed += number


def _by_service(choice: Choice) -> tuple[list[Group], list[Group]]:
    """By service, and the same by the team that has the service now; those with most incidents first."""
    services: dict[int | None, Group] = defaultdict(Group)
    teams: dict[UUID | None, Group] = defaultdict(Group)
    rows = counted(choice, _OF_GROUPS, by=("service_id", "measure"))
    known = _services(row[0] for row in rows)
    for service_id, measure, number, seconds in rows:
        service = known.get(service_id)
        group, team = services[service_id], service.team if service else None
        group.id, group.name, group.environment = _named(service)
        add(group, measure, number, seconds)
        of_team = teams[team.pk if team else None]
        of_team.id, of_team.name = (team.pk, team.name) if team else (None, "")
        add(of_team, measure, number, seconds)
    return _most_first(services.values()), _most_first(teams.values())


def _most_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.opened, group.name, group.environment))


def _services(ids: Iterable[int | None]) -> dict[int | None, Service]:
    found = Service.objects.select_related("team").filter(pk__in={each for each in ids if each is not None})
    return {service.pk: service for service in found}


def _named(service: Service | None) -> tuple[UUID | None, str, str]:
    return (service.public_id, service.name, service.environment) if service else (None, "", "")


def _rules(choice: Choice) -> list[RuleNoise]:
    measures = (Measure.OPENED_RULE, Measure.WITHOUT_ACTION_RULE)
    rules: dict[UUID, RuleNoise] = {}
    for measure, key, number, _ in counted(choice, measures, by=("measure", "key")):
        rule = rules.setdefault(UUID(key), RuleNoise(UUID(key), ""))
        if measure == Measure.OPENED_RULE:
            rule.opened += number
        else:
            rule.without_action += number
    noisiest = sorted(rules.values(), key=lambda rule: (-rule.opened, -rule.without_action, str(rule.id)))[:MOST_RULES]
    names = names_of_rules(rule.id for rule in noisiest)
    for rule in noisiest:
        rule.name = names.get(rule.id, "a rule that was deleted")
    return noisiest


def _people(choice: Choice) -> list[PersonLoad]:
    people: dict[UUID, PersonLoad] = {}
    measures = (Measure.PAGE, Measure.PAGE_OUT_OF_HOURS)
    for measure, key, number, _ in counted(choice, measures, by=("measure", "key")):
        person = people.setdefault(UUID(key), PersonLoad(UUID(key), ""))
        if measure == Measure.PAGE:
            person.pages += number
        else:
            person.out_of_hours += number
    names: dict[UUID, Any] = dict(User.objects.filter(pk__in=people).values_list("pk", "name"))
    for person in people.values():
        person.name = names.get(person.id, "someone who left")
    return sorted(people.values(), key=lambda person: (-person.pages, person.name))


def opened_count(choice: Choice) -> int:
    return sum(number for _, number, _ in counted(choice, [Measure.OPENED], by=("measure",)))

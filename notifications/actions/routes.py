from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.escalation.options import known_targets
from incidents.escalation.plan import Target, TargetKind
from incidents.lifecycle import Severity
from notifications.models import Channel, Route, default_topics
from notifications.topics import CHANNEL_TOPICS
from organizations.models import Service, Team

LISTS = ("services", "environments", "severities", "teams", "events", "targets")
_RANK = [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]


def route_create(*, actor: Actor, values: Mapping[str, Any]) -> Route:
    """Makes a route behind all others, or at ``position``. ``values``: ``name`` and ``targets``
    (``incidents.escalation.plan.Target``); as wished ``services`` (public ids), ``environments``, ``severities``,
    ``teams``, ``events``, ``stops``, ``enabled``, ``position``.

    Raises:
        InvalidInput: a value is missing or wrong, or names what is not there.
        Conflict: the name is taken.
    """
    with transaction.atomic():
        others = _locked_in_order()
        route = Route(position=len(others), events=default_topics())
        _apply(route, {"name": "", "targets": (), **values})
        _save(route)
        _put(route, values.get("position"), others)
    return route


def route_update(*, actor: Actor, route_id: UUID, values: Mapping[str, Any]) -> Route:
    """Changes what ``values`` names, as ``route_create``.

    Raises:
        NotFound, InvalidInput, Conflict.
    """
    with transaction.atomic():
        route, others = _taken_out(route_id)
        _apply(route, values)
        _save(route)
        _put(route, values.get("position"), others)
    return route


def route_delete(*, actor: Actor, route_id: UUID) -> None:
    """Raises NotFound."""
    with transaction.atomic():
        route, others = _taken_out(route_id)
        route.delete()
        _renumber(others)


def route_for_new_channel(channel: Channel, values: Mapping[str, Any]) -> Route:
    """The first route to a channel, named as it. ``values``: as wished ``events``, ``minimum_severity``,
    ``service_id`` (a public id), ``environment``; without them it takes the usual events of all incidents.

    Raises:
        InvalidInput: as ``route_create``.
    """
    least = values.get("minimum_severity", Severity.LOW)
    if least not in set(Severity):
        raise InvalidInput("minimum_severity", f"Choose one of {', '.join(Severity)}.")
    severe = _RANK[_RANK.index(Severity(least)) :]
    wanted: dict[str, Any] = {
        "name": _free_name(channel.name),
        "targets": [Target(TargetKind.CHANNEL, channel.pk)],
        "severities": [] if least == Severity.LOW else severe,
        "environments": [values["environment"]] if values.get("environment") else [],
    }
    if values.get("service_id") is not None:
        if not Service.objects.filter(public_id=values["service_id"], retired_at=None).exists():
            raise InvalidInput("service", "There is no such service.")
        wanted["services"] = [values["service_id"]]
    if "events" in values:
        wanted["events"] = values["events"]
    return route_create(actor=Actor.system("channels"), values=wanted)


def routes_forget_channel(channel_id: UUID) -> None:
    """Takes a channel out of the routes; a route that led only there goes with it."""
    aim = Target(TargetKind.CHANNEL, channel_id).as_data()
    for route in Route.objects.select_for_update(no_key=True).filter(targets__contains=[aim]):
        route.targets = [each for each in route.targets if each != aim]
        if route.targets:
            route.save(update_fields=["targets"])
        else:
            route.delete()


def _apply(route: Route, values: Mapping[str, Any]) -> None:
    if "name" in values:
        route.name = values["name"].strip()
        if not route.name:
            raise InvalidInput("name", "Name the route after what it does: “Payments to #payments”.")
    if "targets" in values:
        route.targets = _checked_targets(values["targets"])
    if "events" in values:
        route.events = _checked_topics(values["events"])
    if "severities" in values:
        route.severities = _of_these("severities", values["severities"], [str(each) for each in Severity])
    if "services" in values:
        known = set(Service.objects.filter(retired_at=None).values_list("public_id", flat=True))
        route.services = _of_these("services", values["services"], known)
    if "teams" in values:
        route.teams = _of_these("teams", values["teams"], set(Team.objects.values_list("pk", flat=True)))
    if "environments" in values:
        route.environments = list(dict.fromkeys(each.strip() for each in values["environments"] if each.strip()))
    for name in ("stops", "enabled"):
        if name in values:
            setattr(route, name, values[name])


def _checked_targets(targets: Sequence[Target]) -> list[dict[str, str]]:
    if not targets:
        raise InvalidInput("targets", "Say whom it tells: at least one channel, person, team or schedule.")
    known = known_targets()
    for target in targets:
        if target.id not in known[target.kind]:
            raise InvalidInput("targets", f"There is no such {target.kind}: {target.id}.")
    return [target.as_data() for target in dict.fromkeys(targets)]


def _checked_topics(topics: Collection[str]) -> list[str]:
    known = [topic.value for topic in CHANNEL_TOPICS]
    if unknown := sorted(set(topics) - set(known)):
        raise InvalidInput("events", f"There is no event {unknown[0]!r}; there are {', '.join(known)}.")
    if not topics:
        raise InvalidInput("events", "Choose at least one event, or switch the route off.")
    return [topic for topic in known if topic in topics]


def _of_these(name: str, wanted: Collection[Any], known: Collection[Any]) -> list[Any]:
    for each in wanted:
        if each not in known:
            raise InvalidInput(name, f"There is no {each} among the {name}.")
    return list(dict.fromkeys(wanted))


# ---- The order ---------------------------------------------------------------------------------------------


def _locked_in_order() -> list[Route]:
    return list(Route.objects.select_for_update(no_key=True).order_by("position", "pk"))


def _taken_out(route_id: UUID) -> tuple[Route, list[Route]]:
    """The route, and the others in their order."""
    routes = _locked_in_order()
    for index, route in enumerate(routes):
        if route.pk == route_id:
            return route, routes[:index] + routes[index + 1 :]
    raise NotFound()


def _put(route: Route, position: int | None, others: list[Route]) -> None:
    place = route.position if position is None else position
    _renumber([*others[:place], route, *others[place:]])


def _renumber(routes: list[Route]) -> None:
    for position, route in enumerate(routes):
        if route.position != position:
            route.position = position
            route.save(update_fields=["position"])


def _free_name(name: str) -> str:
    taken = {each.lower() for each in Route.objects.values_list("name", flat=True)}
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name[:190]} ({number})"
    return candidate


def _save(route: Route) -> None:
    try:
        with transaction.atomic():
            route.save()
    except IntegrityError as error:
        raise Conflict(f"There is a route named “{route.name}” already.") from error

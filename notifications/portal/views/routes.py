"""Routes in their order, and the simulator that says who would be told, by what, when, and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput, NotFound, Problem
from incident_center.kernel.portal.notices import say
from incidents.escalation.options import known_targets
from incidents.selectors import incident_by_reference
from notifications import selectors
from notifications.actions.routes import route_create, route_delete, route_update
from notifications.models import Route, default_topics
from notifications.portal.forms import TOPIC_CHOICES
from notifications.portal.route_forms import RouteForm, SimulatorForm, initial_route
from notifications.routing.plan import Case
from notifications.routing.simulation import simulate
from notifications.topics import Topic
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem
from organizations.selectors import get_service, services, teams


class RoutesView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        routes = list(selectors.routes())
        names = _Names()
        rows = [
            {
                "route": route,
                "conditions": names.conditions(route),
                "targets": names.targets(route),
                "events": _event_words(route),
                "before": position - 1,
                "after": position + 1,
            }
            for position, route in enumerate(routes)
        ]
        context = {"rows": rows, "may_configure": self.member.can(Action.CONFIGURE)}
        return render(request, "notifications/routes.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Moves a route to another place in the order."""
        try:
            route_id, position = UUID(request.POST.get("route", "")), int(request.POST.get("position", ""))
        except ValueError:
            raise InvalidInput("route", "Choose a route and its new place.") from None
        route_update(actor=self.member.actor, route_id=route_id, values={"position": max(0, position)})
        return redirect("notifications:routes")


class _Names:
    """What ids in routes are called; read once for a page."""

    def __init__(self) -> None:
        self._services = {each.public_id: str(each) for each in services()}
        self._teams = {team.pk: team.name for team in teams()}
        self._targets = known_targets()

    def conditions(self, route: Route) -> list[str]:
        """What the route asks for beside events; empty: it takes every incident."""
        found = [", ".join(self._services.get(each, "a retired service") for each in route.services)]
        found.append(", ".join(f"team {self._teams.get(each, 'that is gone')}" for each in route.teams))
        found += [", ".join(route.environments), ", ".join(route.severities)]
        return [each for each in found if each]

    def targets(self, route: Route) -> list[dict[str, str]]:
        return [{"kind": aim.kind.value, "name": self._targets[aim.kind].get(aim.id, "")} for aim in route.aims]


def _event_words(route: Route) -> str:
    """Which events the route takes, as its form names them."""
    if set(route.events) == set(default_topics()):
        return "the usual events"
    labels = dict(TOPIC_CHOICES)
    return ", ".join(labels.get(event, event).lower() for event in route.events)


class RouteCreateView(PortalView):
    actions = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "notifications/route.html", {"form": RouteForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RouteForm(request.POST)
        if form.is_valid():
            try:
                route = route_create(actor=self.member.actor, values=form.values())
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"The route “{route}” is made. Try it in the simulator.")
                return redirect("notifications:routes")
        return render(request, "notifications/route.html", {"form": form}, status=400)


class RouteView(PortalView):
    actions = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, route_id: UUID) -> HttpResponse:
        route = selectors.get_route(route_id)
        return self._page(request, route, RouteForm(initial=initial_route(route)))

    def post(self, request: HttpRequest, route_id: UUID) -> HttpResponse:
        route = selectors.get_route(route_id)
        form = RouteForm(request.POST)
        if form.is_valid():
            try:
                route_update(actor=self.member.actor, route_id=route_id, values=form.values())
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The route is saved.")
                return redirect("notifications:routes")
        return self._page(request, route, form, status=400)

    def _page(self, request: HttpRequest, route: Route, form: RouteForm, status: int = 200) -> HttpResponse:
        return render(request, "notifications/route.html", {"route": route, "form": form}, status=status)


class RouteDeleteView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, route_id: UUID) -> HttpResponse:
        route = selectors.get_route(route_id)
        route_delete(actor=self.member.actor, route_id=route_id)
        say(request, f"The route “{route}” is deleted.")
        return redirect("notifications:routes")


class SimulatorView(PortalView):
    """Asks nothing but the address, so that what it shows can be sent to somebody."""

    actions = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = SimulatorForm(request.GET or None)
        context: dict[str, Any] = {"form": form}
        if request.GET and form.is_valid():
            try:
                case, about = self._case(form)
            except NotFound:
                form.add_error("incident", "There is no such incident.")
            else:
                context |= {"simulation": simulate(case, timezone.now()), "about": about}
        return render(request, "notifications/simulator.html", context)

    def _case(self, form: SimulatorForm) -> tuple[Case, str]:
        """The case and what it is called."""
        chosen = form.cleaned_data
        topic = Topic(chosen["event"] or Topic.OPENED)
        if chosen["incident"]:
            number = chosen["incident"].upper().removeprefix("INC-")
            incident = incident_by_reference(self.member, f"INC-{number}")
            return Case.of(incident, topic), str(incident)
        service = get_service(UUID(chosen["service"])) if chosen["service"] else None
        severity = chosen["severity"] or "high"
        where = f"of {service}" if service else "without a service"
        return Case(topic, severity, service), f"An incident of severity {severity} {where}"

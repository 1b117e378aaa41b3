"""What the coverage check asks of notifications: routes that lead to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from incidents.coverage.checks import living_targets
from incidents.coverage.registry import Finding, Gravity, coverage_check
from incidents.escalation.plan import TargetKind
from incidents.escalation.reachability import reachability
from notifications.models import Route


@coverage_check(name="empty_routes", label="Routes that lead to nobody", order=60)
def empty_routes(now: datetime) -> Iterator[Finding]:
    routes = list(Route.objects.filter(enabled=True).order_by("position", "pk"))
    named = {(target["type"], UUID(target["id"])) for route in routes for target in route.targets}
    channels = {identifier for kind, identifier in named if kind == TargetKind.CHANNEL}
    silent = reachability().unreachable_channels(channels).keys()
    there = living_targets()
    for route in routes:
        targets = [(target["type"], UUID(target["id"])) for target in route.targets]
        if any(identifier in there[kind] and identifier not in silent for kind, identifier in targets):
            continue
        yield Finding(
            subject=f"route:{route.pk}",
            name=route.name,
            message="leads to nobody: what fits it is told nowhere.",
            gravity=Gravity.DANGER,
            path=reverse("notifications:route", args=[route.pk]),
        )

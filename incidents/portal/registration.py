"""Where this app's pages stand in the shell, and what the palette finds."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest
from django.urls import reverse

from incident_center.kernel.portal import navigation, palette
from incident_center.kernel.portal.navigation import NavigationItem
from incident_center.kernel.portal.palette import PaletteItem
from incidents import selectors
from incidents.escalation.selectors import escalation_policies
from incidents.lifecycle import Status
from incidents.models import Schedule
from organizations.access import Action, Role
from organizations.members import Member

MOST_FOUND = 6


def register() -> None:
    navigation.register(
        NavigationItem(
            "Dashboard", "incidents:dashboard", "layout-dashboard", Action.READ_INCIDENTS, order=10, shortcut="d"
        )
    )
    navigation.register(
        NavigationItem(
            "Incidents",
            "incidents:list",
            "siren",
            Action.READ_INCIDENTS,
            order=20,
            count=_open_incidents,
            shortcut="i",
            on_phone=True,
        )
    )
    navigation.register(
        NavigationItem("Service levels", "sla:violations", "timer", Action.READ_REPORTS, order=55, shortcut="v")
    )
    navigation.register(
        NavigationItem("Reports", "reports:reports", "file-down", Action.READ_REPORTS, order=58, shortcut="p")
    )
    navigation.register(
        NavigationItem(
            "Assurance",
            "reports:assurance",
            "stamp",
            Action.READ_AUDIT,
            order=89,
            home_of=frozenset({Role.AUDITOR}),
        )
    )
    navigation.register(
        NavigationItem("Analytics", "analytics:analytics", "chart-line", Action.READ_REPORTS, order=57, shortcut="y")
    )
    navigation.register(
        NavigationItem("On call", "schedules:list", "calendar-days", Action.READ_CONFIGURATION, order=45, shortcut="o")
    )
    navigation.register(
        NavigationItem("Escalation", "escalation:policies", "bell-ring", Action.READ_CONFIGURATION, order=52)
    )
    palette.register(_incidents, order=10)
    palette.register(_schedules, order=40)
    palette.register(_escalation_policies, order=52)
    palette.register(_doings, order=90)


def _member(request: HttpRequest) -> Member:
    member = request.member  # type: ignore[attr-defined]
    assert isinstance(member, Member)
    return member


def _open_incidents(request: HttpRequest) -> int:
    return selectors.open_incident_count(_member(request))


def _incidents(request: HttpRequest, query: str) -> Iterable[PaletteItem]:
    """By number or title; the newest open ones where nothing was typed."""
    member = _member(request)
    if not member.can(Action.READ_INCIDENTS):
        return
    incidents = selectors.listed_incidents(member).order_by("-opened_at")
    if match := selectors.REFERENCE.fullmatch(query):
        incidents = incidents.filter(number=int(match[1]))
    elif query:
        incidents = incidents.filter(title__icontains=query)
    else:
        incidents = incidents.exclude(status=Status.RESOLVED)
    for incident in incidents[:MOST_FOUND]:
        address = reverse("incidents:detail", args=[incident.reference])
        yield PaletteItem(f"{incident.reference} {incident.title}", address, "siren", hint=incident.status)
        if query and incident.status == Status.OPEN and member.can(Action.WORK_INCIDENTS):
            acknowledge = reverse("incidents:acknowledge", args=[incident.reference])
            yield PaletteItem(f"Acknowledge {incident.reference}", acknowledge, "check", method="post")


def _schedules(request: HttpRequest, query: str) -> Iterable[PaletteItem]:
    if not query or not _member(request).can(Action.READ_CONFIGURATION):
        return
    for schedule in Schedule.objects.filter(name__icontains=query).order_by("name")[:MOST_FOUND]:
        address = reverse("schedules:schedule", args=[schedule.pk])
        yield PaletteItem(schedule.name, address, "calendar-days", hint="on-call schedule")


def _escalation_policies(request: HttpRequest, query: str) -> Iterable[PaletteItem]:
    if not query or not _member(request).can(Action.READ_CONFIGURATION):
        return
    for policy in escalation_policies().filter(name__icontains=query)[:MOST_FOUND]:
        yield PaletteItem(
            policy.name, reverse("escalation:policy", args=[policy.pk]), "bell-ring", hint="escalation policy"
        )


def _doings(request: HttpRequest, query: str) -> Iterable[PaletteItem]:
    member = _member(request)
    if query and member.can(Action.READ_CONFIGURATION) and query.lower() in "coverage check":
        yield PaletteItem("Coverage", reverse("schedules:coverage"), "life-buoy")
    if member.can(Action.OPEN_INCIDENTS) and query.lower() in "open an incident new":
        yield PaletteItem("Open an incident", reverse("incidents:create"), "plus")

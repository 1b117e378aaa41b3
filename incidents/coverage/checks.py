"""The checks of this app: schedules, the people on them, services and the keys that they speak with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.urls import reverse

from incidents.coverage.registry import AHEAD, Finding, Gravity, coverage_check
from incidents.escalation.plan import TargetKind
from incidents.escalation.reachability import reachability
from incidents.escalation.selectors import escalation_policies, policies_of_services
from incidents.models import Schedule
from incidents.schedules.selectors import gaps, person_names, plans, present, responders, schedules
from incidents.schedules.shifts import Shift, final_shifts
from incidents.schedules.wording import span_words
from organizations.models import ApiKey, Team
from organizations.selectors import services

#: A key that is younger may still be on its way into somebody's configuration.
UNUSED_AFTER = timedelta(days=7)
#: Of one schedule; whoever mends the first sees the next.
MOST_GAPS_LISTED = 50


@coverage_check(name="schedule_gaps", label="Gaps in schedules in the next 30 days", order=10)
def schedule_gaps(now: datetime) -> Iterator[Finding]:
    found = list(schedules())
    for schedule, missing in zip(found, gaps(found, now, now + AHEAD).values(), strict=True):
        if missing:
            yield _gap_finding(schedule, missing, now)


def _gap_finding(schedule: Schedule, missing: list[Shift], now: datetime) -> Finding:
    zone, first = ZoneInfo(schedule.timezone), missing[0]
    count = "a gap" if len(missing) == 1 else f"{len(missing)} gaps"
    total = sum((gap.end - gap.start for gap in missing), timedelta())
    return Finding(
        subject=f"schedule:{schedule.pk}",
        name=schedule.name,
        message=f"has {count}; nobody is on call {span_words(first.start, first.end, zone)} ({schedule.timezone}).",
        gravity=Gravity.DANGER if first.start <= now + timedelta(days=1) else Gravity.WARNING,
        path=reverse("schedules:schedule", args=[schedule.pk]) + f"?at={first.start.astimezone(zone):%Y-%m-%d}",
        data={
            "hours": round(total.total_seconds() / 3600, 1),
            "gaps": [{"start": _iso(gap.start), "end": _iso(gap.end)} for gap in missing[:MOST_GAPS_LISTED]],
        },
    )


@coverage_check(name="people_who_left", label="People on schedules who respond no longer", order=20)
def people_who_left(now: datetime) -> Iterator[Finding]:
    for schedule in schedules():
        named = {user_id for layer in schedule.layers.all() for user_id in layer.participants}  # type: ignore[attr-defined]
        gone = named - present(named)
        for user_id, name in sorted(person_names(gone).items(), key=lambda each: each[1]):
            yield Finding(
                subject=f"user:{user_id}",
                name=name,
                message=f"is no responder any more, and still has turns on {schedule.name}.",
                path=reverse("schedules:schedule", args=[schedule.pk]),
                data={"schedule": str(schedule.pk)},
            )


@coverage_check(name="unreachable_responders", label="Responders whom no message would reach", order=30)
def unreachable_responders(now: datetime) -> Iterator[Finding]:
    people = {member.user_id: str(member.user) for member in responders()}
    on_call = _on_call_soon(now)
    for user_id, reason in reachability().unreachable_people(people.keys()).items():
        is_soon = user_id in on_call
        yield Finding(
            subject=f"user:{user_id}",
            name=people[user_id],
            message=f"{reason}{', and is on call in the next 30 days' if is_soon else ''}.",
            gravity=Gravity.DANGER if is_soon else Gravity.WARNING,
            path=reverse("organizations:members"),
            data={"reason": reason, "on_call_soon": is_soon},
        )


def _on_call_soon(now: datetime) -> set[UUID]:
    found = list(schedules())
    return {
        shift.user
        for plan in plans(found, now, now + AHEAD).values()
        for shift in final_shifts(plan, now, now + AHEAD)
        if shift.user is not None
    }


def living_targets() -> dict[str, set[UUID]]:
    """All that a step or a route may name, by kind."""
    return {
        TargetKind.SCHEDULE: set(Schedule.objects.values_list("pk", flat=True)),
        TargetKind.TEAM: set(Team.objects.values_list("pk", flat=True)),
        TargetKind.CHANNEL: set(reachability().channel_names()),
        TargetKind.USER: {member.user_id for member in responders()},
    }


@coverage_check(name="policy_targets", label="Escalation policies that name who is not there", order=40)
def policy_targets(now: datetime) -> Iterator[Finding]:
    there = living_targets()
    for policy in escalation_policies():
        for number, step in enumerate(policy.steps, start=1):
            kinds = [target["type"] for target in step["targets"] if UUID(target["id"]) not in there[target["type"]]]
            if not kinds:
                continue
            nobody = len(kinds) == len(step["targets"])
            yield Finding(
                subject=f"escalation_policy:{policy.pk}",
                name=policy.name,
                message=f"names in step {number} a {' and a '.join(sorted(set(kinds)))} that nobody can be told by"
                f"{': the step reaches nobody' if nobody else ''}.",
                gravity=Gravity.DANGER if nobody else Gravity.WARNING,
                data={"step": number, "kinds": kinds},
            )


@coverage_check(name="services_without_policy", label="Services without an escalation policy", order=50)
def services_without_policy(now: datetime) -> Iterator[Finding]:
    if escalation_policies().filter(is_default=True).exists():
        return
    found = list(services())
    own = policies_of_services([service.pk for service in found])
    for service in found:
        if service.pk not in own:
            yield Finding(
                subject=f"service:{service.public_id}",
                name=str(service),
                message="has no escalation policy, and the organization has no default: everyone is told at once.",
                path=reverse("organizations:service", args=[service.public_id]),
            )


@coverage_check(name="unused_keys", label="Keys that were never used", order=70)
def unused_keys(now: datetime) -> Iterator[Finding]:
    alive = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, last_used_at=None)
    for key in alive.filter(created_at__lt=now - UNUSED_AFTER).select_related("service").order_by("created_at"):
        service = key.service
        if service is not None and service.retired_at is not None:
            continue
        yield Finding(
            subject=f"key:{key.pk}",
            name=f"{key.name} ({key.prefix}…)",
            message=f"was made {(now - key.created_at).days} days ago for {service or 'the organization'}"
            " and never used: nothing arrives by it.",
            path=reverse("organizations:service", args=[service.public_id])
            if service
            else reverse("organizations:gateway-keys"),
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

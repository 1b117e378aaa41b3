"""Reads of policies, calendars and clocks; in the organization of the open scope."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from incident_center.kernel.api.problems import NotFound
from incidents.models import BusinessCalendar, Incident, ServiceSla, SlaClock, SlaPolicy


def sla_policies() -> QuerySet[SlaPolicy]:
    return SlaPolicy.objects.filter(removed_at=None).select_related("calendar")


def get_policy(policy_id: UUID) -> SlaPolicy:
    """Raises NotFound."""
    policy = sla_policies().filter(pk=policy_id).first()
    if policy is None:
        raise NotFound()
    return policy


def get_calendar(calendar_id: UUID) -> BusinessCalendar:
    """Raises NotFound."""
    calendar = BusinessCalendar.objects.filter(pk=calendar_id).first()
    if calendar is None:
        raise NotFound()
    return calendar


def policies_by_service(service_ids: list[int]) -> dict[int, UUID]:
    """The policies of those services that have one of their own."""
    rows = ServiceSla.objects.filter(service_id__in=service_ids).values_list("service_id", "policy_id")
    return dict(rows)


def clocks_of(incident: Incident) -> list[SlaClock]:
    """Response, resolution, then the milestones by when they are due."""
    clocks = SlaClock.objects.filter(incident=incident).select_related("policy", "recorded_by")
    order = {SlaClock.Kind.RESPONSE: 0, SlaClock.Kind.RESOLUTION: 1, SlaClock.Kind.MILESTONE: 2}
    return sorted(
        clocks, key=lambda clock: (order[SlaClock.Kind(clock.kind)], clock.started_at, clock.due_at or clock.started_at)
    )


def violations() -> QuerySet[SlaClock]:
    """Every promise that was not kept, of incidents that count; the latest first."""
    return (
        SlaClock.objects.filter(breached_at__isnull=False, incident__withdrawn_at=None, incident__merged_into=None)
        .exclude(outcome=SlaClock.Outcome.CANCELLED)
        .select_related("incident", "incident__service", "policy")
        .order_by("-breached_at", "-id")
    )


def with_sla_state(incidents: QuerySet[Incident], wanted: str, now: datetime) -> QuerySet[Incident]:
    """Those with a clock that is still to be met and is ``breached``, or ``due_soon``: warned of, or overdue."""
    clocks = SlaClock.objects.filter(incident=OuterRef("pk")).exclude(state=SlaClock.State.STOPPED)
    late = Q(breached_at__isnull=False)
    matching = clocks.filter(late if wanted == "breached" else late | Q(warn_at__lte=now))
    return incidents.filter(Exists(matching))


def summary(clocks: list[SlaClock], now: datetime) -> dict[str, Any] | None:
    """The incident object's ``sla``: None where nothing was promised."""
    if not clocks:
        return None
    standing = [clock for clock in clocks if not clock.is_stopped]
    running = [clock for clock in standing if clock.due_at is not None and clock.state == SlaClock.State.RUNNING]
    return {
        "state": _state(clocks, standing, now),
        "next_due_at": min((clock.due_at for clock in running if clock.due_at), default=None),
        "response": next((describe(clock, now) for clock in clocks if clock.kind == "response"), None),
        "resolution": next((describe(clock, now) for clock in clocks if clock.kind == "resolution"), None),
        "milestones": [describe(clock, now) for clock in clocks if clock.kind == "milestone"],
    }


def _state(clocks: list[SlaClock], standing: list[SlaClock], now: datetime) -> str:
    if any(clock.breached_at for clock in clocks if clock.outcome != SlaClock.Outcome.CANCELLED):
        return "breached"
    if not standing:
        return "cancelled" if all(clock.outcome == SlaClock.Outcome.CANCELLED for clock in clocks) else "met"
    if any(clock.warn_at is not None and clock.warn_at <= now for clock in standing):
        return "due_soon"
    return "running" if any(clock.state == SlaClock.State.RUNNING for clock in standing) else "paused"


def describe(clock: SlaClock, now: datetime) -> dict[str, Any]:
    """One clock for the API; times are RFC 3339, durations seconds of counted time."""
    at = clock.stopped_at or now
    return {
        "id": clock.pk,
        "kind": clock.kind,
        "name": clock.label,
        "policy": clock.policy_id,
        "state": clock.state,
        "outcome": clock.outcome or None,
        "target_seconds": clock.target_seconds,
        "remaining_seconds": int(clock.clock.remaining(at).total_seconds()),
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "stopped_at": clock.stopped_at,
        "citation": clock.citation,
        "evidence": clock.evidence,
    }

"""What makes clocks start, stop and move: the events of the incident itself, and a new organization."""

from __future__ import annotations

from incidents.actions.sla_clocks import clocks_follow, clocks_recompute, clocks_start, policy_for
from incidents.actions.sla_policies import default_policy_create
from incidents.events import IncidentChanged, incident_changed
from incidents.models import EventKind, SlaClock
from organizations.events import OrganizationFounded, organization_founded

_MOVES_CLOCKS = frozenset(
    {
        EventKind.ACKNOWLEDGED,
        EventKind.STATUS_CHANGED,
        EventKind.MERGED,
        EventKind.WITHDRAWN,
    }
)


def connect() -> None:
    incident_changed.connect(_keep_clocks)
    organization_founded.connect(_give_default_policy)


def _give_default_policy(founded: OrganizationFounded) -> None:
    default_policy_create(actor=founded.actor)


def _keep_clocks(change: IncidentChanged) -> None:
    incident, event = change.incident, change.event
    if event.kind == EventKind.OPENED:
        clocks_start(incident, policy_for(incident), at=incident.opened_at)
    elif event.kind == EventKind.UNMERGED:
        merges = incident.timeline.filter(kind=EventKind.MERGED).order_by("-sequence")
        clocks_follow(incident, at=event.at, merged_at=merges.values_list("at", flat=True).first())
    elif event.kind in _MOVES_CLOCKS:
        clocks_follow(incident, at=event.at)
    elif event.kind == EventKind.PRIORITY_CHANGED:
        reason = f"the priority changed from {event.data['from']} to {event.data['to']}"
        _recompute(change, reason, keep_policy=True)
    elif event.kind == EventKind.EDITED and "service" in event.data["changes"]:
        _recompute(change, "the service changed", keep_policy=False)


def _recompute(change: IncidentChanged, reason: str, *, keep_policy: bool) -> None:
    """An incident for which nothing is promised any more stays so; one that never had a promise may get one."""
    clocks = SlaClock.objects.filter(incident=change.incident).exclude(kind=SlaClock.Kind.MILESTONE)
    running = clocks.exclude(state=SlaClock.State.STOPPED).select_related("policy__calendar").first()
    if running is None and (clocks.exists() or not change.incident.is_live):
        return
    policy = running.policy if keep_policy and running is not None else policy_for(change.incident)
    if policy is None and running is None:
        return
    if not keep_policy and running is not None and policy is not None and policy.pk == running.policy_id:
        return
    clocks_recompute(change.incident, policy, at=change.event.at, actor=change.actor, reason=reason)

"""What this app itself does upon changes of incidents: the escalation follows whether anybody has the incident."""

from __future__ import annotations

from incidents.actions.escalation_start import escalation_start
from incidents.actions.escalation_stop import escalation_stop
from incidents.escalation.selectors import latest_escalation, locked_running_escalation, policy_for_service
from incidents.events import IncidentChanged, incident_changed
from incidents.ledger import Ruling, record
from incidents.lifecycle import Status
from incidents.models import Escalation, EventKind, Incident, Stage

NO_POLICY = "Neither the service nor the organization has an escalation policy: all who work on incidents are told."
BREACHED = "A service level was not kept and nobody has the incident: the next step is due at once."
Cause, End = Escalation.Cause, Escalation.End
#: Events after which an incident that nobody has is escalated, unless that is going on.
_BEGINNINGS = {
    EventKind.OPENED: Cause.OPENED,
    EventKind.RECURRED: Cause.RECURRED,
    EventKind.UNMERGED: Cause.UNMERGED,
    EventKind.ACKNOWLEDGEMENT_TIMED_OUT: Cause.ACKNOWLEDGEMENT_TIMED_OUT,
}
_FOLLOWED = frozenset(
    {
        *_BEGINNINGS,
        EventKind.ACKNOWLEDGED,
        EventKind.STATUS_CHANGED,
        EventKind.WITHDRAWN,
        EventKind.MERGED,
        EventKind.MUTED,
        EventKind.UNMUTED,
        EventKind.SLA_BREACHED,
    }
)


def connect() -> None:
    """Before the upper apps connect theirs: they see an alarm when it is settled who is told of it."""
    incident_changed.connect(follow)


def follow(change: IncidentChanged) -> None:
    """Starts, stops and resumes the escalation, in the transaction of the change and under the incident's lock."""
    if change.event.kind not in _FOLLOWED:
        return
    incident = change.incident
    running = None if change.event.kind == EventKind.OPENED else locked_running_escalation(incident)
    if incident.is_live and incident.acknowledged_at is None:
        _ensure(change, running)
    elif change.event.kind not in (EventKind.MUTED, EventKind.UNMUTED):
        if running is not None:
            because = _end(incident)
            escalation_stop(
                escalation=running, incident=incident, actor=change.actor, because=because, at=change.event.at
            )
        _set_lapse(change, running or latest_escalation(incident))


def _ensure(change: IncidentChanged, running: Escalation | None) -> None:
    """Nobody has the incident: people are to be told."""
    incident, event = change.incident, change.event
    if running is not None:
        is_hastened = event.kind == EventKind.SLA_BREACHED
        if is_hastened or (event.kind == EventKind.UNMUTED and running.held_since is not None):
            running.next_due_at = min(running.next_due_at or event.at, event.at)
            running.save()
        if event.kind == EventKind.MUTED and running.held_since is not None:  # It ends at another time now.
            running.next_due_at = incident.muted_until
            running.save()
        if is_hastened:
            record(
                [Ruling(Stage.ESCALATION, "hastened", BREACHED, data={"escalation": str(running.pk)})],
                incident=incident,
            )
        return
    cause = _BEGINNINGS.get(EventKind(event.kind))
    if event.kind == EventKind.STATUS_CHANGED and event.data.get("from") == Status.RESOLVED:
        cause = Cause.REOPENED
    if cause is None:
        return
    policy = None
    if cause is Cause.ACKNOWLEDGEMENT_TIMED_OUT:
        before = latest_escalation(incident)
        policy = before.policy if before else None
    if policy is None:
        found = policy_for_service(incident.service_id)
        policy = found.frozen() if found else None
    if policy is None:
        record([Ruling(Stage.ESCALATION, "no_policy", NO_POLICY)], incident=incident)
        return
    escalation_start(incident=incident, actor=change.actor, policy=policy, cause=cause, at=event.at)


def _set_lapse(change: IncidentChanged, escalation: Escalation | None) -> None:
    """Sets when the acknowledgement lapses, counted anew from each of these events."""
    if escalation is None:
        return
    incident, timeout = change.incident, escalation.plan.acknowledgement_timeout
    is_at_work = incident.is_live and incident.status != Status.MITIGATED
    lapses_at = change.event.at + timeout if is_at_work and timeout is not None else None
    if escalation.acknowledgement_expires_at != lapses_at:
        escalation.acknowledgement_expires_at = lapses_at
        escalation.save(update_fields=["acknowledgement_expires_at"])


def _end(incident: Incident) -> Escalation.End:
    if incident.withdrawn_at is not None:
        return End.WITHDRAWN
    if incident.merged_into_id is not None:
        return End.MERGED
    return End.RESOLVED if incident.status == Status.RESOLVED else End.ACKNOWLEDGED

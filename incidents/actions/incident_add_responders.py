from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.escalation_tell import event_recipients, record_findings, tell_responders
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.escalation.plan import Target
from incidents.escalation.targets import find_people, with_unreachable
from incidents.events import Urgency
from incidents.models import EventKind, Incident

LONGEST_MESSAGE = 2_000


def incident_add_responders(
    *, incident_id: UUID, actor: Actor, to: Sequence[Target], message: str = "", urgency: Urgency = Urgency.HIGH
) -> Incident:
    """Asks people to help, beside whoever has the incident: they are told once, and it is theirs too from then on.

    Raises:
        NotFound: no such incident.
        InvalidInput: none of them works on incidents here, or nobody was named.
        Conflict: the incident was withdrawn or merged.
    """
    if not to:
        raise InvalidInput("to", "Name at least one person, schedule, team or channel.")
    now = timezone.now()
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        findings = with_unreachable(find_people(to, now))
        if not findings.has_somebody:
            raise InvalidInput("to", " ".join(f"{each.name} {each.reason}." for each in findings.targets))
        record_findings(incident, None, findings, what="Asked to help")
        data = event_recipients(findings) | {"urgency": str(urgency)}
        if message.strip():
            data["message"] = message.strip()[:LONGEST_MESSAGE]
        event = append_event(incident=incident, kind=EventKind.RESPONDERS_ADDED, actor=actor, data=data, at=now)
        tell_responders(incident, event, actor, findings, urgency)
    return incident

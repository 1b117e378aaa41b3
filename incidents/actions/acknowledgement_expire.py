from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from incidents.actions.escalation_run_steps import ESCALATION
from incidents.actions.timeline import append_event
from incidents.lifecycle import Status
from incidents.models import Escalation, EventKind, Incident, TimelineEvent


def acknowledgement_expire(*, escalation_id: UUID, now: datetime) -> bool:
    """Empties an acknowledgement that nobody has followed up for as long as the policy allows; people are told again.

    Whatever a person does on the incident keeps it alive for the same time again. False: another worker has the
    incident at this moment, try again.
    """
    incident_id = Escalation.objects.filter(pk=escalation_id).values_list("incident_id", flat=True).first()
    if incident_id is None:
        return True
    with transaction.atomic():
        claimed = Incident.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=incident_id).first()
        if claimed is None:
            return False
        escalation = Escalation.objects.select_for_update(no_key=True).get(pk=escalation_id)
        expires_at, timeout = escalation.acknowledgement_expires_at, escalation.plan.acknowledgement_timeout
        if expires_at is None or expires_at > now or timeout is None:
            return True
        escalation.acknowledgement_expires_at = None
        if claimed.is_live and claimed.status != Status.MITIGATED and claimed.acknowledged_at is not None:
            acted_at = _last_act_of_a_person(claimed)
            if acted_at is not None and acted_at + timeout > now:
                escalation.acknowledgement_expires_at = acted_at + timeout
                escalation.save()
                return True
            escalation.save()
            _expire(claimed, int(timeout.total_seconds() // 60), now)
            return True
        escalation.save()
    return True


def _expire(incident: Incident, minutes: int, now: datetime) -> None:
    by = incident.acknowledged_by_id
    incident.acknowledged_at = None
    incident.acknowledged_by = None
    data = {"acknowledged_by": str(by) if by else None, "after_minutes": minutes}
    append_event(incident=incident, kind=EventKind.ACKNOWLEDGEMENT_TIMED_OUT, actor=ESCALATION, data=data, at=now)


def _last_act_of_a_person(incident: Incident) -> datetime | None:
    acts = TimelineEvent.objects.filter(incident=incident, actor__startswith="user:").order_by("-sequence")
    return acts.values_list("at", flat=True).first()

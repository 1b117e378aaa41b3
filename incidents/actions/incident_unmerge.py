from __future__ import annotations

from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import Conflict
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked_in_order, violations_as_conflicts
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident


def incident_unmerge(*, incident_id: UUID, actor: Actor) -> Incident:
    """Takes back a merge: the incident stands for itself again, with the status that it had.

    Its figures leave the incident that it lived on in; the sample of logs that was copied there stays.

    Raises:
        NotFound: no such incident.
        Conflict: it was not merged, or another incident is open for its problem meanwhile.
    """
    with transaction.atomic():
        target_id = Incident.objects.filter(pk=incident_id).values_list("merged_into_id", flat=True).first()
        found = locked_in_order(incident_id, *([target_id] if target_id else []))
        source = found[incident_id]
        if target_id is None or source.merged_into_id != target_id:
            raise Conflict(f"{source.reference} is not merged into another incident.")
        target = found[target_id]
        target.log_count = max(0, target.log_count - source.log_count)
        target.occurrence_count = max(1, target.occurrence_count - source.occurrence_count)
        source.merged_into, source.merged_at = None, None
        with violations_as_conflicts(source):
            about_target = {"from": str(target.pk), "from_number": target.number}
            append_event(incident=source, kind=EventKind.UNMERGED, actor=actor, data=about_target)
        about_source = {"incident": str(source.pk), "number": source.number, "title": source.title}
        append_event(incident=target, kind=EventKind.UNMERGED, actor=actor, data=about_source)
    return source

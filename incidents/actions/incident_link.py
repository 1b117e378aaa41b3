from __future__ import annotations

from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked_in_order, refuse_finished
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident, IncidentLink


def incident_link(*, incident_id: UUID, actor: Actor, other_id: UUID, kind: IncidentLink.Kind) -> IncidentLink:
    """Says that two incidents hang together; both stay what they are, and both timelines say so.

    Raises:
        NotFound: one of the two does not exist.
        InvalidInput: an incident cannot be linked with itself.
        Conflict: they are linked already, or the incident was withdrawn or merged.
    """
    if incident_id == other_id:
        raise InvalidInput("incident", "An incident cannot be linked with itself.")
    with transaction.atomic():
        found = locked_in_order(incident_id, other_id)
        incident, other = found[incident_id], found[other_id]
        refuse_finished(incident)
        pair = (incident_id, other_id)
        if IncidentLink.objects.filter(incident__in=pair, other__in=pair).exists():
            raise Conflict(f"{incident.reference} and {other.reference} are linked already.")
        link = IncidentLink.objects.create(incident=incident, other=other, kind=kind)
        _tell(EventKind.LINKED, actor, incident, other, kind)
    return link


def incident_unlink(*, incident_id: UUID, actor: Actor, link_id: UUID) -> None:
    """Takes a link away; from either side.

    Raises:
        NotFound: the incident has no such link.
    """
    with transaction.atomic():
        link = IncidentLink.objects.filter(pk=link_id).first()
        if link is None or incident_id not in (link.incident_id, link.other_id):
            raise NotFound()
        found = locked_in_order(link.incident_id, link.other_id)
        if not IncidentLink.objects.filter(pk=link_id).delete()[0]:
            raise NotFound()
        _tell(EventKind.UNLINKED, actor, found[link.incident_id], found[link.other_id], link.kind)


def _tell(event: EventKind, actor: Actor, incident: Incident, other: Incident, kind: str) -> None:
    for one, its_other, is_from in ((incident, other, True), (other, incident, False)):
        data = {"kind": kind, "is_from": is_from, "incident": str(its_other.pk), "number": its_other.number}
        append_event(incident=one, kind=event, actor=actor, data={**data, "title": its_other.title})

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.timeline import append_event
from incidents.models import EventKind, Incident, Postmortem
from incidents.models.collaboration import LONGEST_POSTMORTEM


def postmortem_begin(*, incident_id: UUID, actor: Actor, body: str) -> Postmortem:
    """Keeps a first draft.

    Raises:
        NotFound: no such incident.
        InvalidInput: empty or too long.
        Conflict: there is one already, or the incident was withdrawn or merged.
    """
    with transaction.atomic():
        incident = _locked(incident_id)
        if Postmortem.objects.filter(incident=incident).exists():
            raise Conflict(f"{incident.reference} has a postmortem already; edit it.")
        return Postmortem.objects.create(incident=incident, body=_checked(body), updated_by_id=actor.user_id)


def postmortem_edit(*, incident_id: UUID, actor: Actor, body: str, version: int | None = None) -> Postmortem:
    """Replaces the text.

    Args:
        version: the version that the editor has seen; without it the last writer wins.

    Raises:
        NotFound: no such incident, or it has none.
        InvalidInput: empty or too long.
        Conflict: someone edited it since that version; ``current`` is the text as it stands.
    """
    with transaction.atomic():
        postmortem = _postmortem(_locked(incident_id))
        body = _checked(body)
        if version is not None and version != postmortem.version and body != postmortem.body:
            raise Conflict(
                "Someone else edited the postmortem meanwhile; take over what they wrote, then save again.",
                version=postmortem.version,
                current=postmortem.body,
            )
        if body != postmortem.body:
            postmortem.body = body
            postmortem.version += 1
            postmortem.updated_at, postmortem.updated_by_id = timezone.now(), actor.user_id
            postmortem.save()
    return postmortem


def postmortem_publish(*, incident_id: UUID, actor: Actor) -> Postmortem:
    """Declares it finished; the timeline says so, and those who have to do with the incident are told.

    Raises:
        NotFound: no such incident, or it has none.
        Conflict: it is published already.
    """
    with transaction.atomic():
        incident = _locked(incident_id)
        postmortem = _postmortem(incident)
        if postmortem.published_at is not None:
            raise Conflict("The postmortem is published already; what is edited now shows at once.")
        postmortem.published_at, postmortem.published_by_id = timezone.now(), actor.user_id
        postmortem.save()
        data = {"version": postmortem.version}
        append_event(incident=incident, kind=EventKind.POSTMORTEM_PUBLISHED, actor=actor, data=data)
    return postmortem


def _locked(incident_id: UUID) -> Incident:
    incident = locked(incident_id)
    if incident.withdrawn_at is not None or incident.merged_into_id is not None:
        raise Conflict(f"{incident.reference} was withdrawn or merged; what was learnt belongs to another incident.")
    return incident


def _postmortem(incident: Incident) -> Postmortem:
    postmortem = Postmortem.objects.filter(incident=incident).first()
    if postmortem is None:
        raise NotFound()
    return postmortem


def _checked(body: str) -> str:
    body = body.strip()
    if not 0 < len(body) <= LONGEST_POSTMORTEM:
        raise InvalidInput("body", f"Write 1 to {LONGEST_POSTMORTEM:,} characters.")
    return body

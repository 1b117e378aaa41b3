"""Deleting a dead letter: someone decided that it is not worth repairing; the audit log says who."""

from __future__ import annotations

from uuid import UUID

from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import Actor, current_scope
from ingestion.models import DeadLetter


def delete_dead_letter(*, dead_letter_id: UUID, actor: Actor) -> None:
    """Removes the letter for good.

    Raises:
        NotFound: no such letter.
    """
    assert current_scope().actor == actor, "the audit trail names the actor of the scope"
    deleted, _ = DeadLetter.objects.filter(pk=dead_letter_id).delete()
    if not deleted:
        raise NotFound()

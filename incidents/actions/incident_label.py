from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.timeline import append_event
from incidents.models import LONGEST_LABEL, EventKind, Incident

MOST_LABELS = 20
_LABEL = re.compile(r"[^\s,](?:[^,\n]*[^\s,])?")


def incident_label(
    *, incident_id: UUID, actor: Actor, labels: Iterable[str] | None = None, add: Iterable[str] = ()
) -> Incident:
    """Gives the incident these labels in place of what it had, or ``add``\\ s some to them.

    Raises:
        NotFound: no such incident.
        InvalidInput: a label is empty, too long, or has a comma; or there are more than 20.
        Conflict: the incident was withdrawn or merged.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        before = incident.labels
        wanted = cleaned_labels([*(before if labels is None else labels), *add])
        if wanted == before:
            return incident
        incident.labels = wanted
        data = {
            "added": [label for label in wanted if label not in before],
            "removed": [label for label in before if label not in wanted],
        }
        append_event(incident=incident, kind=EventKind.LABELS_CHANGED, actor=actor, data=data)
    return incident


def cleaned_labels(labels: Iterable[str]) -> list[str]:
    """In alphabetical order, each once.

    Raises:
        InvalidInput: says what a label may be.
    """
    found = set()
    for label in labels:
        text = " ".join(label.split())
        if len(text) > LONGEST_LABEL or not _LABEL.fullmatch(text):
            raise InvalidInput("labels", f"A label has 1 to {LONGEST_LABEL} characters and no comma.")
        found.add(text)
    if len(found) > MOST_LABELS:
        raise InvalidInput("labels", f"At most {MOST_LABELS} labels.")
    return sorted(found)

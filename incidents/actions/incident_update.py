from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked, refuse_finished
from incidents.actions.people import service_in_use
from incidents.actions.timeline import append_event
from incidents.lifecycle import Priority, Severity
from incidents.models import LONGEST_TITLE, EventKind, Incident


class Changes(TypedDict, total=False):
    """What an edit may change; ``service`` is a service's public id, or None."""

    title: str
    description: str
    severity: Severity
    priority: Priority
    service: UUID | None


def incident_update(*, incident_id: UUID, actor: Actor, changes: Changes, version: int | None = None) -> Incident:
    """Edits an incident. A changed severity leaves the priority as it is: whoever set it had a reason.

    Args:
        version: the version that the editor has seen; without it the last writer wins.

    Raises:
        NotFound: no such incident.
        Conflict: someone changed the same fields since that version (``conflicts`` names both values), or
            the incident was withdrawn or merged.
        InvalidInput: empty title, unknown service.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        refuse_finished(incident)
        before = _editable(incident)
        wanted = _cleaned(incident, changes)
        changed = {name for name, value in wanted.items() if value != before[name]}
        if version is not None and version != incident.version and changed:
            raise _stale(incident, {name: (before[name], wanted[name]) for name in changed})
        if not changed:
            return incident
        incident.version += 1
        _write_events(incident, actor, before, wanted, changed)
    return incident


def _editable(incident: Incident) -> dict[str, Any]:
    return {
        "title": incident.title,
        "description": incident.description,
        "severity": incident.severity,
        "priority": incident.priority,
        "service": str(incident.service.public_id) if incident.service else None,
    }


def _cleaned(incident: Incident, changes: Changes) -> dict[str, Any]:
    """The wanted values in the form of ``_editable``; they are set on the incident on the way."""
    if "title" in changes:
        incident.title = " ".join(changes["title"].split())
        if not incident.title:
            raise InvalidInput("title", "Say in a few words what is wrong.")
        if len(incident.title) > LONGEST_TITLE:
            raise InvalidInput("title", f"At most {LONGEST_TITLE} characters.")
    if "description" in changes:
        incident.description = changes["description"]
    if "severity" in changes:
        incident.severity = changes["severity"]
    if "priority" in changes:
        incident.priority = changes["priority"]
    if "service" in changes:
        current = incident.service.public_id if incident.service else None
        if changes["service"] != current:
            incident.service = service_in_use(changes["service"])
    wanted = _editable(incident)
    return {name: wanted[name] for name in changes}


def _stale(incident: Incident, fields: dict[str, tuple[Any, Any]]) -> Conflict:
    names = " and ".join(sorted(fields))
    return Conflict(
        f"Someone else changed {incident.reference} while you were editing {names}; choose one version.",
        version=incident.version,
        conflicts={name: {"current": current, "yours": yours} for name, (current, yours) in fields.items()},
    )


def _write_events(
    incident: Incident, actor: Actor, before: dict[str, Any], wanted: dict[str, Any], changed: set[str]
) -> None:
    kinds = {"severity": EventKind.SEVERITY_CHANGED, "priority": EventKind.PRIORITY_CHANGED}
    for name, kind in kinds.items():
        if name in changed:
            data = {"from": before[name], "to": wanted[name]}
            append_event(incident=incident, kind=kind, actor=actor, data=data)
    rest = sorted(changed - kinds.keys())
    if rest:
        data = {"changes": {name: {"from": before[name], "to": wanted[name]} for name in rest}}
        append_event(incident=incident, kind=EventKind.EDITED, actor=actor, data=data)

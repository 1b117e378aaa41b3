"""One incident as a PDF: what it was, who had it, its promises, everything that happened, and its logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from audit.evidence.proofs import File
from audit.selectors import last_seal
from incident_center.kernel.typesetting import typeset
from incident_center.kernel.typesetting.markdown import blocks_of
from incidents import selectors
from incidents.evidence.parts import evidence_part
from incidents.models import Incident, Responder, SlaClock
from incidents.names import names_for_events
from incidents.portal.sentences import line
from incidents.reports.document import seal_facts
from incidents.reports.wording import breakable, duration, minute, second
from ingestion.levels import Level
from organizations.models import User

TEMPLATE = Path(__file__).with_name("incident.typ")
#: Of one log line; whole lines are in the evidence.
LONGEST_LOG = 600


def incident_pdf(incident: Incident, *, now: datetime) -> bytes:
    """PDF/A-2b.

    Raises:
        TypesettingError: the template cannot be set with this incident.
    """
    organization = incident.organization
    data = {
        "reference": incident.reference,
        "title": breakable(incident.title),
        "organization": organization.name,
        "made": f"{organization.name} · {incident.reference} · {minute(now)} UTC",
        "facts": [[name, breakable(value)] for name, value in _facts(incident) if value],
        "description": _breakable_blocks(blocks_of(incident.description)),
        "clocks": [_clock(clock) for clock in SlaClock.objects.filter(incident=incident).order_by("due_at", "id")],
        "timeline": list(_timeline(incident)),
        "logs": [
            [
                second(log.timestamp),
                Level(log.level).name,
                breakable(log.service.name),
                breakable(log.message[:LONGEST_LOG]) + ("…" if len(log.message) > LONGEST_LOG else ""),
            ]
            for log in selectors.linked_logs(incident)
        ],
        "log_count": incident.log_count,
        "seal": seal_facts(last_seal()),
    }
    return typeset(TEMPLATE, data, made_at=now)


@evidence_part(order=60)
def printed(incident: Incident) -> Iterator[File]:
    yield "incident-report.pdf", incident_pdf(incident, now=timezone.now())


def _facts(incident: Incident) -> Iterator[tuple[str, str]]:
    service = incident.service
    yield "Status", incident.get_status_display()
    yield "Severity and priority", f"{incident.get_severity_display()}, {incident.priority}"
    yield "Service", f"{service.name} ({service.environment})" if service else "none"
    yield "Labels", ", ".join(incident.labels)
    yield "Opened", _at(incident.opened_at, incident.opened_by)
    yield "Acknowledged", _at(incident.acknowledged_at, incident.acknowledged_by)
    yield "Mitigated", _at(incident.mitigated_at)
    yield "Resolved", _at(incident.resolved_at)
    yield "Withdrawn", _at(incident.withdrawn_at) and f"{_at(incident.withdrawn_at)}: {incident.withdrawn_reason}"
    if incident.merged_into is not None:
        yield "Merged into", incident.merged_into.reference
    yield "Assignee", incident.assignee.name if incident.assignee else "nobody"
    called = Responder.objects.filter(incident=incident).select_related("user").order_by("added_at")
    yield "Called to it", ", ".join(responder.user.name for responder in called)
    if incident.acknowledged_at:
        yield "Acknowledged in", duration(incident.acknowledged_at - incident.opened_at)
    if incident.resolved_at:
        yield "Resolved in", duration(incident.resolved_at - incident.opened_at)


def _at(moment: datetime | None, who: User | None = None) -> str:
    if moment is None:
        return ""
    return f"{second(moment)} UTC by {who.name}" if who else f"{second(moment)} UTC"


def _clock(clock: SlaClock) -> list[str]:
    state = clock.outcome or ("missed" if clock.breached_at else clock.state)
    cited = " · ".join(filter(None, [clock.citation, clock.evidence]))
    return [
        breakable(clock.label),
        duration(clock.target),
        second(clock.due_at),
        second(clock.stopped_at),
        state,
        breakable(cited),
    ]


def _timeline(incident: Incident) -> Iterator[dict[str, Any]]:
    events = list(selectors.timeline(incident))
    names = names_for_events(events)
    for event in events:
        told = line(event, names)
        yield {
            "at": second(event.at),
            "sentence": breakable(str(told.sentence)),
            "detail": breakable(str(told.detail)),
            "body": _breakable_blocks(blocks_of(str(event.data.get("body", "")))),
        }


def _breakable_blocks(value: Any) -> Any:
    """The blocks, with places to break in their texts; addresses stay as they are."""
    if isinstance(value, list):
        return [_breakable_blocks(each) for each in value]
    if isinstance(value, dict):
        return {
            name: breakable(each) if name == "text" else _breakable_blocks(each) if name != "link" else each
            for name, each in value.items()
        }
    return value

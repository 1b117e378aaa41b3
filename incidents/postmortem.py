"""A postmortem: its first draft from what the record holds, and the forms in which it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.http import HttpResponse
from django.utils import timezone

from audit.actions.access_record import access_record
from audit.models import AccessKind
from incident_center.kernel.api.problems import InvalidInput, NotFound
from incident_center.kernel.typesetting import typeset
from incident_center.kernel.typesetting.markdown import blocks_of
from incidents import selectors
from incidents.models import EventKind, Incident, Postmortem
from incidents.names import names_for_events
from incidents.portal.sentences import line
from organizations.members import Member

TEMPLATE = Path(__file__).with_suffix(".typ")
#: Machine messages, which say nothing about what people did.
_LEFT_OUT = frozenset({EventKind.NOTIFICATION_SENT, EventKind.LOGS_LINKED, EventKind.SLA_WARNING})
MOST_EVENTS = 300


def draft(incident: Incident) -> str:
    """Markdown: the facts and the timeline filled in, what only people know left as questions."""
    events = list(selectors.timeline(incident).exclude(kind__in=_LEFT_OUT)[:MOST_EVENTS])
    names = names_for_events(events)
    lines = []
    for event in events:
        told = line(event, names)
        lines.append(f"| {_minute(event.at)} | {_cell(told.sentence)}{_quoted(event.data.get('body', ''))} |")
    tasks = [f"- [{'x' if task.done_at else ' '}] {task.title}" for task in selectors.tasks(incident)]
    return "\n".join(
        [
            "## Summary",
            "",
            f"{incident.title}. {_course(incident)}",
            "",
            "## Impact",
            "",
            "_Who noticed what, and for how long? How many users, how many requests?_",
            "",
            "## Root cause",
            "",
            "_What made it possible, and what set it off?_",
            "",
            "## Timeline (UTC)",
            "",
            "| time | what happened |",
            "| --- | --- |",
            *lines,
            "",
            "## What went well",
            "",
            "_…_",
            "",
            "## What went badly, and where we were lucky",
            "",
            "_…_",
            "",
            "## What we will do",
            "",
            *(tasks or ["- [ ] _Who does what, until when?_"]),
            "",
        ]
    )


def as_markdown(incident: Incident, postmortem: Postmortem) -> str:
    """The text with the incident's facts above it."""
    facts = "\n".join(f"- **{name}**: {value}" for name, value in _facts(incident))
    return f"# {incident.reference} {incident.title}\n\n{facts}\n\n{postmortem.body}\n"


def as_pdf(incident: Incident, postmortem: Postmortem) -> bytes:
    """PDF/A-2b."""
    data = {
        "reference": incident.reference,
        "title": incident.title,
        "facts": _facts(incident),
        "blocks": blocks_of(postmortem.body),
        "published_at": _minute(postmortem.published_at) if postmortem.published_at else "",
        "made": f"{incident.reference}, version {postmortem.version} of {_minute(postmortem.updated_at)} UTC",
    }
    return typeset(TEMPLATE, data, made_at=postmortem.updated_at)


def download(member: Member, incident: Incident, wanted: str) -> HttpResponse:
    """The postmortem as a file, ``markdown`` or ``pdf``; that it was taken is on the record.

    Raises:
        NotFound: the incident has none.
        InvalidInput: it does not come in that form.
    """
    postmortem = selectors.postmortem_of(incident)
    if postmortem is None:
        raise NotFound()
    if wanted not in _FORMS:
        raise InvalidInput("as", f"Write one of {', '.join(_FORMS)}.")
    subject = f"the postmortem of {incident.reference}"
    access_record(actor=member.actor, kind=AccessKind.EXPORTED, subject=subject)
    write, content_type, ending = _FORMS[wanted]
    response = HttpResponse(write(incident, postmortem), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{incident.reference}-postmortem.{ending}"'
    return response


_FORMS: dict[str, tuple[Callable[[Incident, Postmortem], str | bytes], str, str]] = {
    "markdown": (as_markdown, "text/markdown; charset=utf-8", "md"),
    "pdf": (as_pdf, "application/pdf", "pdf"),
}


def _facts(incident: Incident) -> list[tuple[str, str]]:
    service = f"{incident.service.name} ({incident.service.environment})" if incident.service else "none"
    moments = [
        ("Opened", incident.opened_at),
        ("Acknowledged", incident.acknowledged_at),
        ("Mitigated", incident.mitigated_at),
        ("Resolved", incident.resolved_at),
    ]
    return [
        ("Severity and priority", f"{incident.get_severity_display()}, {incident.priority}"),
        ("Service", service),
        *((name, f"{_minute(moment)} UTC") for name, moment in moments if moment is not None),
    ]


def _course(incident: Incident) -> str:
    if incident.resolved_at is None:
        return f"It was opened at {_minute(incident.opened_at)} UTC and is {incident.status}."
    minutes = max(1, round((incident.resolved_at - incident.opened_at).total_seconds() / 60))
    return f"It was opened at {_minute(incident.opened_at)} UTC and resolved after {minutes} minutes."


def _minute(moment: datetime) -> str:
    return timezone.localtime(moment, UTC).strftime("%Y-%m-%d %H:%M")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _quoted(body: str) -> str:
    return f": “{_cell(body)}”" if body else ""

"""The timeline in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from audit.messages import Names
from incidents.markdown import render_markdown
from incidents.models import EventKind, TimelineEvent
from incidents.names import actor_name
from incidents.portal import (
    alert_sentences,
    collaboration_sentences,
    escalation_sentences,
    silence_sentences,
    sla_sentences,
)


@dataclass(frozen=True)
class Line:
    """One entry of the timeline as it is shown; ``body`` is what a person wrote."""

    kind: str
    icon: str
    sentence: str
    at: datetime
    tone: str = ""
    body: SafeString | str = ""
    detail: str = ""


#: Machine messages that come in bursts.
_BURSTS = frozenset({EventKind.NOTIFICATION_SENT, EventKind.NOTIFICATION_FAILED, EventKind.LOGS_LINKED})
Data = dict[str, Any]
Writer = Callable[[str, Data, Names], str]
_STEPS = {"investigating": "took it up", "mitigated": "marked it mitigated", "resolved": "resolved it"}


def _opened(who: str, data: Data, names: Names) -> str:
    if data.get("rule"):
        return f"{who} opened the incident: {data['condition']}"
    if data.get("alerts_from"):
        return alert_sentences.opened(who, data)
    return f"{who} opened the incident"


def _acknowledged(who: str, data: Data, names: Names) -> str:
    if "taken_over_from" in data:
        return f"{who} took the incident over from {names.person(data['taken_over_from'])}"
    return f"{who} acknowledged the incident"


def _status(who: str, data: Data, names: Names) -> str:
    if data["to"] == "investigating":
        verb = "reopened it" if data["from"] == "resolved" else "went back to investigating: the mitigation failed"
        return f"{who} {verb}"
    return f"{who} {_STEPS[data['to']]}"


def _assigned(who: str, data: Data, names: Names) -> str:
    if data["to"] is None:
        return f"{who} took it from {names.person(data['from'])}; nobody has it now"
    to = names.person(data["to"])
    return f"{who} took the incident" if to == who else f"{who} assigned it to {to}"


def _edited(who: str, data: Data, names: Names) -> str:
    return f"{who} changed {' and '.join(data['changes'])}"


def _merged(who: str, data: Data, names: Names) -> str:
    if "into_number" in data:
        return f"{who} merged it into INC-{data['into_number']}"
    return f"{who} merged INC-{data['from_number']} into it: {data['title']}"


def _told(who: str, data: Data, names: Names) -> str:
    return f"{data['channel']} was told{_about(data)}"


def _not_told(who: str, data: Data, names: Names) -> str:
    return f"{data['channel']} could not be told{_about(data)}: {data['error']}"


def _about(data: Data) -> str:
    topic = str(data.get("topic", "")).rpartition(".")[2].replace("_", " ")
    return f" ({topic})" if topic else ""


_WRITERS: dict[str, tuple[str, str, Writer]] = {
    EventKind.OPENED: ("siren", "danger", _opened),
    EventKind.ACKNOWLEDGED: ("user-check", "strong", _acknowledged),
    EventKind.STATUS_CHANGED: ("flag", "strong", _status),
    EventKind.NOTE: ("message-square", "", lambda who, data, names: f"{who} wrote a note"),
    EventKind.ASSIGNED: ("user", "", _assigned),
    EventKind.SEVERITY_CHANGED: (
        "triangle-alert",
        "",
        lambda who, data, names: f"{who} changed the severity from {data['from']} to {data['to']}",
    ),
    EventKind.PRIORITY_CHANGED: (
        "arrow-up",
        "",
        lambda who, data, names: f"{who} changed the priority from {data['from']} to {data['to']}",
    ),
    EventKind.EDITED: ("pencil", "", _edited),
    EventKind.RECURRED: ("repeat", "danger", lambda who, data, names: "The problem is back, and people are told again"),
    EventKind.LOGS_LINKED: (
        "scroll-text",
        "",
        lambda who, data, names: f"{data['log_count']:,} logs belong to it".replace(",", "\N{NARROW NO-BREAK SPACE}"),
    ),
    EventKind.ALERTS_LINKED: ("siren", "", alert_sentences.linked),
    EventKind.ALERTS_RESOLVED: ("circle-check", "good", alert_sentences.resolved),
    EventKind.MERGED: ("git-merge", "", _merged),
    EventKind.WITHDRAWN: ("archive", "danger", lambda who, data, names: f"{who} withdrew the incident"),
    EventKind.ACKNOWLEDGEMENT_TIMED_OUT: ("timer-reset", "danger", escalation_sentences.timed_out),
    EventKind.ESCALATION_STARTED: ("arrow-up", "", escalation_sentences.started),
    EventKind.ESCALATED: ("bell-ring", "strong", escalation_sentences.escalated),
    EventKind.NOBODY_REACHABLE: ("bell-off", "danger", escalation_sentences.nobody_reachable),
    EventKind.ESCALATION_EXHAUSTED: ("megaphone", "danger", escalation_sentences.exhausted),
    EventKind.ESCALATION_STOPPED: ("bell", "", escalation_sentences.stopped),
    EventKind.RESPONDERS_ADDED: ("user-plus", "", escalation_sentences.responders_added),
    EventKind.UNMERGED: ("undo-2", "", collaboration_sentences.unmerged),
    EventKind.LINKED: ("link-2", "", collaboration_sentences.linked),
    EventKind.UNLINKED: ("unlink", "", collaboration_sentences.unlinked),
    EventKind.LABELS_CHANGED: ("tag", "", collaboration_sentences.labelled),
    EventKind.TASK_ADDED: ("list-checks", "", collaboration_sentences.task_added),
    EventKind.TASK_CHANGED: ("square-check", "", collaboration_sentences.task_changed),
    EventKind.POSTMORTEM_PUBLISHED: ("book-open", "good", collaboration_sentences.postmortem_published),
    EventKind.SLA_STARTED: ("timer", "", sla_sentences.started),
    EventKind.SLA_RECOMPUTED: ("timer-reset", "", sla_sentences.recomputed),
    EventKind.SLA_WARNING: ("timer", "strong", sla_sentences.warning),
    EventKind.SLA_BREACHED: ("timer-off", "danger", sla_sentences.breached),
    EventKind.MILESTONE_RECORDED: ("stamp", "good", sla_sentences.recorded),
    EventKind.ISSUE_OPENED: ("circle-dot", "", lambda who, data, names: f"The issue {data['issue']} was opened"),
    EventKind.ISSUE_CLOSED: ("circle-check", "", lambda who, data, names: f"The issue {data['issue']} was closed"),
    EventKind.MUTED: ("bell-off", "", silence_sentences.muted),
    EventKind.UNMUTED: ("bell-ring", "strong", silence_sentences.unmuted),
    EventKind.NOTIFICATION_SENT: ("send", "", _told),
    EventKind.NOTIFICATION_FAILED: ("circle-x", "danger", _not_told),
}


def line(event: TimelineEvent, names: Names) -> Line:
    icon, tone, write = _WRITERS[event.kind]
    data = event.data
    if data.get("to") == "resolved":
        tone = "good"
    body: SafeString | str = render_markdown(data["body"]) if event.kind == EventKind.NOTE else ""
    return Line(
        kind=event.kind,
        icon=icon,
        sentence=write(actor_name(names, event.actor), data, names),
        at=event.at,
        tone=tone,
        body=body,
        detail=data.get("reason", "") or data.get("message", "") or data.get("url", ""),
    )


def lines(newest_first: Iterable[TimelineEvent], names: Names) -> list[Line]:
    """The lines, newest first. A burst of machine messages of one kind becomes its newest line and a
    number.
    """
    shown: list[Line] = []
    repeated = 0
    for event in newest_first:
        current = line(event, names)
        is_repetition = bool(shown) and event.kind in _BURSTS and shown[-1].kind == event.kind
        if not is_repetition:
            repeated = 0
            shown.append(current)
            continue
        repeated += 1
        shown[-1] = replace(shown[-1], detail=f"and {repeated} more like it before")
    return shown

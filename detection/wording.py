"""How a detection reads: the incident's title, its description, and the evidence on its timeline."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from detection.matching_logs import MatchingLogs
from detection.models import DetectionRule
from detection.rules.threshold import Breach
from ingestion.levels import Level
from organizations.models import Service

LONGEST_QUOTE = 300
QUOTED_FROM = 50

_SUBJECTS = {
    Level.FATAL: "fatal errors",
    Level.ERROR: "errors",
    Level.WARN: "warnings and errors",
    Level.INFO: "logs from INFO on",
    Level.DEBUG: "logs",
}


def condition(rule: DetectionRule) -> str:
    """``more than 5 errors in 60 s``"""
    subject = _SUBJECTS[rule.minimum_level]
    if query := rule.match.get("q"):
        subject += f" with {query}"
    return f"more than {rule.parameters['count']} {subject} in {rule.parameters['window_seconds']} s"


def incident_title(rule: DetectionRule, service: Service) -> str:
    return f"{service.name} ({service.environment}): {condition(rule)}"[:500]


def incident_description(rule: DetectionRule, service: Service, logs: MatchingLogs, start: datetime) -> str:
    """Markdown: which rule, and what most of the first logs say."""
    lines = [f"The rule “{rule.name}” found {condition(rule)} on {service.name} in {service.environment}."]
    messages = Counter(log.message for log in logs.ends(since=start, first=QUOTED_FROM, newest=0))
    if messages:
        message, _ = messages.most_common(1)[0]
        lines.append(f"Most of the first logs say:\n\n    {_one_line(message)}")
    return "\n\n".join(lines)


def breach_evidence(rule: DetectionRule, breach: Breach) -> dict[str, Any]:
    """What the timeline keeps of a detection; the rule may be changed or deleted later."""
    return {
        "rule": rule.name,
        "condition": condition(rule),
        "count": rule.parameters["count"],
        "window_seconds": rule.parameters["window_seconds"],
        "first_log_at": breach.first.isoformat(),
        "last_log_at": breach.last.isoformat(),
    }


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"

"""Reading an alert by an organization's mapping: its service, its environment, its severity. No Django in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from incidents.lifecycle import Severity
from ingestion.parsers.alerts.signal import Signal

DEFAULT_ENVIRONMENT = "production"
REJOIN_MINUTES = 15
STORM_PROBLEMS = 30

_WORDS = {
    Severity.CRITICAL: ("critical", "page", "fatal", "emergency", "disaster", "p1", "sev1"),
    Severity.HIGH: ("high", "error", "major", "p2", "sev2"),
    Severity.MEDIUM: ("medium", "warning", "warn", "moderate", "average", "minor", "p3", "sev3"),
    Severity.LOW: ("low", "info", "information", "informational", "notice", "none", "p4", "p5", "sev4"),
}


def default_service_labels() -> list[str]:
    return ["service", "service_name", "app", "application", "component", "job"]


def default_environment_labels() -> list[str]:
    return ["environment", "env", "deployment_environment", "stage"]


def default_severity_labels() -> list[str]:
    return ["severity", "priority", "level"]


def default_severities() -> dict[str, str]:
    return {word: severity.value for severity, words in _WORDS.items() for word in words}


def default_group_by() -> list[str]:
    """As in the configuration that Alertmanager's documentation begins with."""
    return ["alertname", "cluster", "service"]


class Rule(Protocol):
    """What is asked of ``AlertMapping``."""

    service_labels: Sequence[str]
    environment_labels: Sequence[str]
    severity_labels: Sequence[str]
    services: Mapping[str, str]
    severities: Mapping[str, str]
    default_severity: str
    default_environment: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the mapping makes of a signal, and by what."""

    severity: Severity
    service: str
    """The service's name here; empty where nothing names one."""
    environment: str
    reason: str
    """A sentence for people."""


def read(signal: Signal, rule: Rule) -> Reading:
    """Applies the rule; the sender's own fields go before its labels."""
    severity, why_severity = _severity(signal, rule)
    service, why_service = _service(signal, rule)
    _, environment = _first(signal.labels, rule.environment_labels)
    environment = signal.environment or environment or rule.default_environment
    return Reading(severity, service, environment, f"{why_severity}; {why_service}.")


def _severity(signal: Signal, rule: Rule) -> tuple[Severity, str]:
    label, word = "", signal.severity
    if not word:
        label, word = _first(signal.labels, rule.severity_labels)
    if not word:
        return Severity(rule.default_severity), f"no severity was said, so it is {rule.default_severity}"
    said = f"the label {label}={word}" if label else f"the severity {word}"
    known = rule.severities.get(word.strip().lower())
    if known is None and word.strip().lower() in list(Severity):
        known = word.strip().lower()
    if known is None:
        return Severity(rule.default_severity), f"{said} is not in the mapping, so it is {rule.default_severity}"
    return Severity(known), f"{said} means {known}"


def _service(signal: Signal, rule: Rule) -> tuple[str, str]:
    label, name = "", signal.service
    if not name:
        label, name = _first(signal.labels, rule.service_labels)
    if not name:
        return "", "nothing names a service"
    said = f"the label {label}={name}" if label else "the sender"
    here = rule.services.get(name) or rule.services.get(name.lower()) or name
    return here, f"{said} names the service {here}"


def _first(labels: Mapping[str, str], names: Sequence[str]) -> tuple[str, str]:
    """The first of the labels that is there and not empty, with its value."""
    for name in names:
        if value := labels.get(name, "").strip():
            return name, value
    return "", ""

"""Changing how alerts are read. What is recorded about it, the audit trigger records."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db import transaction

from detection.actions.rules import InvalidRule
from detection.models import AlertMapping
from incident_center.kernel.scope import Actor
from incidents.lifecycle import Severity

MOST_LABELS = 50
MOST_WORDS = 1_000
LONGEST_LABEL = 200
LONGEST_REJOIN_MINUTES = 24 * 60
MOST_STORM_PROBLEMS = 10_000
LABEL_LISTS = ("service_labels", "environment_labels", "severity_labels", "group_by")


class MappingFields(TypedDict, total=False):
    service_labels: list[str]
    environment_labels: list[str]
    severity_labels: list[str]
    group_by: list[str]
    services: dict[str, str]
    severities: dict[str, str]
    default_severity: str
    default_environment: str
    creates_services: bool
    rejoin_minutes: int
    storm_problems: int


def alert_mapping_update(*, actor: Actor, changes: MappingFields) -> AlertMapping:
    """Changes the organization's mapping; what came before keeps what it was read as.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    with transaction.atomic():
        rule, _ = AlertMapping.objects.select_for_update(no_key=True).get_or_create()
        faults = [fault for name, value in changes.items() for fault in _apply(rule, name, value)]
        if faults:
            raise InvalidRule(faults)
        rule.save()
    return rule


def _apply(rule: AlertMapping, name: str, value: Any) -> list[tuple[str, str]]:
    """Sets one field; what is wrong with it."""
    faults: list[tuple[str, str]] = []
    if name in LABEL_LISTS:
        value = list(dict.fromkeys(str(label).strip() for label in value if str(label).strip()))
        if len(value) > MOST_LABELS or any(len(label) > LONGEST_LABEL for label in value):
            faults.append((name, f"At most {MOST_LABELS} labels of up to {LONGEST_LABEL} characters."))
        if name == "group_by" and not value:
            faults.append((name, "Name at least one label; alertname is the usual one."))
    elif name in ("services", "severities"):
        value, faults = _words(name, value)
    elif name == "default_severity" and value not in list(Severity):
        faults.append((name, f"Write one of {', '.join(Severity)}."))
    elif name == "default_environment":
        value = value.strip()
        if not 0 < len(value) <= 100:
            faults.append((name, "Write 1 to 100 characters."))
    elif name == "rejoin_minutes" and not 0 <= value <= LONGEST_REJOIN_MINUTES:
        faults.append((name, f"Write 0 to {LONGEST_REJOIN_MINUTES} minutes."))
    elif name == "storm_problems" and not 1 <= value <= MOST_STORM_PROBLEMS:
        faults.append((name, f"Write 1 to {MOST_STORM_PROBLEMS}."))
    setattr(rule, name, value)
    return faults


def _words(name: str, given: dict[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    cleaned = {str(word).strip(): str(meaning).strip() for word, meaning in given.items()}
    if name == "severities":
        cleaned = {word.lower(): meaning.lower() for word, meaning in cleaned.items()}
    faults: list[tuple[str, str]] = []
    if len(cleaned) > MOST_WORDS:
        faults.append((name, f"At most {MOST_WORDS} words."))
    for word, meaning in cleaned.items():
        if not 0 < len(word) <= LONGEST_LABEL or not 0 < len(meaning) <= LONGEST_LABEL:
            faults.append((name, f"“{word[:40]}”: write 1 to {LONGEST_LABEL} characters on both sides."))
        elif name == "severities" and meaning not in list(Severity):
            faults.append((f"{name}.{word}", f"“{meaning[:40]}” is not one of {', '.join(Severity)}."))
    return cleaned, faults

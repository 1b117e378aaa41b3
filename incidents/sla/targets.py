"""Targets by priority, and how people write durations. No Django in here."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from incidents.lifecycle import Priority

RESPONSE, RESOLUTION = "response_minutes", "resolution_minutes"
#: A year: whoever needs longer does not need a clock.
LONGEST_MINUTES = 366 * 24 * 60
#: Response and resolution of the policy that every organization begins with.
DEFAULT_TARGETS: dict[str, dict[str, int]] = {
    Priority.P1: {RESPONSE: 15, RESOLUTION: 4 * 60},
    Priority.P2: {RESPONSE: 60, RESOLUTION: 8 * 60},
    Priority.P3: {RESPONSE: 4 * 60, RESOLUTION: 3 * 24 * 60},
    Priority.P4: {RESPONSE: 24 * 60, RESOLUTION: 5 * 24 * 60},
}
_PART = re.compile(r"\s*(\d+)\s*(d|days?|h|hours?|min|minutes?|m)\s*", re.IGNORECASE)
_UNIT_MINUTES = {"d": 24 * 60, "h": 60, "m": 1}


def target_of(targets: dict[str, dict[str, int]], priority: str, field: str) -> timedelta | None:
    """What the policy promises for a priority; None where it promises nothing."""
    minutes = targets.get(priority, {}).get(field)
    return None if minutes is None else timedelta(minutes=minutes)


def parse_minutes(text: str) -> int:
    """``1 d 4 h``, ``90 min`` or ``4h`` in minutes.

    Raises:
        ValueError: says how durations are written.
    """
    position, minutes = 0, 0
    while position < len(text.rstrip()):
        match = _PART.match(text, position)
        if match is None:
            break
        minutes += int(match[1]) * _UNIT_MINUTES[match[2][0].lower()]
        position = match.end()
    if position < len(text.rstrip()) or not 0 < minutes <= LONGEST_MINUTES:
        raise ValueError("Write a duration such as 15 min, 4 h or 1 d 12 h.")
    return minutes


def minutes_in_words(minutes: int) -> str:
    """The shortest form that ``parse_minutes`` reads back."""
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


def faults_of(targets: Any) -> list[tuple[str, str]]:
    """What is wrong with targets that somebody sent: field, and what would be right."""
    if not isinstance(targets, dict) or not targets:
        return [("targets", "Write an object with P1 to P4, each with response_minutes and resolution_minutes.")]
    unknown = sorted(str(name)[:20] for name in targets.keys() - set(Priority))
    faults = [("targets", f"{name!r} is not one of {', '.join(Priority)}.") for name in unknown]
    for priority in Priority:
        faults += [
            (f"targets.{priority}{name}", message) for name, message in _faults_of_one(targets.get(priority, {}))
        ]
    return faults


def _faults_of_one(wanted: Any) -> list[tuple[str, str]]:
    if not isinstance(wanted, dict):
        return [("", "Write an object with response_minutes and resolution_minutes.")]
    faults = [(f".{name}", "A target has no such field.") for name in sorted(wanted.keys() - {RESPONSE, RESOLUTION})]
    for name in (RESPONSE, RESOLUTION):
        value = wanted.get(name)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and 0 < value <= LONGEST_MINUTES):
            faults.append((f".{name}", "Write whole minutes from 1 to a year, or null for none."))
    return faults

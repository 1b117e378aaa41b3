"""What a policy may say. Reads what people and programs write, and names every fault at once. No Django in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from incidents.escalation.plan import Target, TargetKind
from incidents.lifecycle import Severity

MOST_STEPS = 20
MOST_TARGETS = 20
LONGEST_DELAY_MINUTES = 7 * 24 * 60
MOST_REPEATS = 20
#: Between two rounds there is always time to breathe, also where no step finds anybody.
SHORTEST_REPEAT_DELAY_MINUTES = 1

DEFAULT_URGENCY: dict[str, Any] = {
    "always_high": [Severity.CRITICAL.value, Severity.HIGH.value, Severity.MEDIUM.value],
    "high_in_hours": [],
    "hours": None,
}
_KINDS = ", ".join(TargetKind)
_SEVERITIES = [severity.value for severity in Severity]


@dataclass
class Reading:
    """What was read, in the stored form, and what is wrong with it: pairs of field and message."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    urgency: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, name: str, message: str) -> None:
        self.faults.append((name, message))


def read_policy(
    *,
    steps: Any,
    urgency: Any,
    repeat_count: Any,
    repeat_delay_minutes: Any,
    acknowledgement_timeout_minutes: Any,
) -> Reading:
    """Checks the whole of a policy but whether those whom it names exist."""
    reading = Reading()
    _read_steps(reading, steps)
    _read_urgency(reading, urgency)
    _whole_number(reading, "repeat_count", repeat_count, least=0, most=MOST_REPEATS)
    _whole_number(
        reading,
        "repeat_delay_minutes",
        repeat_delay_minutes,
        least=SHORTEST_REPEAT_DELAY_MINUTES,
        most=LONGEST_DELAY_MINUTES,
    )
    if acknowledgement_timeout_minutes is not None:
        _whole_number(
            reading,
            "acknowledgement_timeout_minutes",
            acknowledgement_timeout_minutes,
            least=1,
            most=LONGEST_DELAY_MINUTES,
        )
    return reading


def _read_steps(reading: Reading, steps: Any) -> None:
    if not isinstance(steps, list) or not steps:
        reading.fault("steps", "A policy has at least one step; name whom it tells first.")
        return
    if len(steps) > MOST_STEPS:
        reading.fault("steps", f"At most {MOST_STEPS} steps.")
        return
    for index, step in enumerate(steps):
        where = f"steps[{index}]"
        if not isinstance(step, Mapping):
            reading.fault(where, 'A step is an object: {"delay_minutes": 5, "targets": […]}.')
            continue
        for name in sorted(step.keys() - {"delay_minutes", "targets"}):
            reading.fault(f"{where}.{name}", "There is no such field in a step.")
        delay = step.get("delay_minutes", 0)
        _whole_number(reading, f"{where}.delay_minutes", delay, least=0, most=LONGEST_DELAY_MINUTES)
        targets = _read_targets(reading, f"{where}.targets", step.get("targets"))
        reading.steps.append({"delay_minutes": delay, "targets": targets})


def _read_targets(reading: Reading, where: str, targets: Any) -> list[dict[str, str]]:
    if not isinstance(targets, list) or not targets:
        reading.fault(where, "Name at least one person, schedule, team or channel.")
        return []
    if len(targets) > MOST_TARGETS:
        reading.fault(where, f"At most {MOST_TARGETS} in a step.")
        return []
    read: list[dict[str, str]] = []
    for index, target in enumerate(targets):
        one = _read_target(reading, f"{where}[{index}]", target)
        if one is not None and one not in read:
            read.append(one)
    return read


def _read_target(reading: Reading, where: str, target: Any) -> dict[str, str] | None:
    if not isinstance(target, Mapping):
        reading.fault(where, 'A target is an object: {"type": "user", "id": "…"}.')
        return None
    kind = target.get("type")
    if kind not in list(TargetKind):
        reading.fault(f"{where}.type", f"Write one of {_KINDS}.")
        return None
    try:
        identifier = UUID(str(target.get("id")))
    except ValueError:
        reading.fault(f"{where}.id", f"Write the id of the {kind}.")
        return None
    return {"type": str(kind), "id": str(identifier)}


def read_recipients(value: Any) -> tuple[list[Target], list[tuple[str, str]]]:
    """Whom a person calls by hand: one or a list of user ids or targets. Returns them, and what is wrong."""
    reading = Reading()
    given = value if isinstance(value, list) else [value]
    wanted = [each if isinstance(each, Mapping) else {"type": TargetKind.USER.value, "id": each} for each in given]
    read = _read_targets(reading, "to", wanted)
    return [Target(TargetKind(each["type"]), UUID(each["id"])) for each in read], reading.faults


def _read_urgency(reading: Reading, urgency: Any) -> None:
    if not isinstance(urgency, Mapping):
        reading.fault("urgency", 'Urgency is an object: {"always_high": ["critical"]}.')
        return
    for name in sorted(urgency.keys() - {"always_high", "high_in_hours", "hours"}):
        reading.fault(f"urgency.{name}", "There is no such field here.")
    read: dict[str, Any] = {}
    for name in ("always_high", "high_in_hours"):
        wanted = urgency.get(name, [])
        if not isinstance(wanted, list) or any(each not in _SEVERITIES for each in wanted):
            reading.fault(f"urgency.{name}", f"A list of {', '.join(_SEVERITIES)}.")
            wanted = []
        read[name] = [severity for severity in _SEVERITIES if severity in wanted]
    read["high_in_hours"] = [each for each in read["high_in_hours"] if each not in read["always_high"]]
    hours = urgency.get("hours")
    read["hours"] = None if hours is None else _read_hours(reading, hours)
    if read["high_in_hours"] and hours is None:
        reading.fault("urgency.hours", "Say within which hours.")
    reading.urgency = read


def _read_hours(reading: Reading, hours: Any) -> dict[str, Any] | None:
    if not isinstance(hours, Mapping):
        reading.fault("urgency.hours", 'Hours are an object: {"timezone", "days", "from", "to"}.')
        return None
    zone, days = hours.get("timezone"), hours.get("days")
    if zone not in available_timezones():
        reading.fault("urgency.hours.timezone", "Write a time zone such as Europe/Berlin.")
    if not isinstance(days, list) or not days or any(day not in range(1, 8) or day is True for day in days):
        reading.fault("urgency.hours.days", "A list of weekdays, 1 (Monday) to 7 (Sunday).")
        days = []
    read = {"timezone": zone, "days": sorted(set(days))}
    for name in ("from", "to"):
        try:
            read[name] = time.fromisoformat(str(hours.get(name))).strftime("%H:%M")
        except ValueError:
            reading.fault(f"urgency.hours.{name}", "Write a time of day such as 08:00.")
    return read


def _whole_number(reading: Reading, name: str, value: Any, *, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        reading.fault(name, f"A whole number from {least} to {most}.")

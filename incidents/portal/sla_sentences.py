"""The clocks of an incident in sentences of its timeline."""

from __future__ import annotations

from typing import Any

from audit.messages import Names
from incidents.models import SlaClock
from incidents.sla.targets import minutes_in_words

Data = dict[str, Any]


def started(who: str, data: Data, names: Names) -> str:
    if data.get("regulatory"):
        return f"{who} started the clocks of “{data['policy']}”"
    return f"{who} put the incident under the SLA “{data['policy']}”"


def recomputed(who: str, data: Data, names: Names) -> str:
    if data["policy"] is None:
        return f"{who} took the incident out of every SLA"
    return f"Its clocks count anew under the SLA “{data['policy']}”"


def warning(who: str, data: Data, names: Names) -> str:
    if data["kind"] == SlaClock.Kind.MILESTONE:
        return f"“{data['label']}” is due soon"
    return f"{data['label']} is due soon: its target is {_target(data)}"


def breached(who: str, data: Data, names: Names) -> str:
    if data["kind"] == SlaClock.Kind.MILESTONE:
        return f"“{data['label']}” was not recorded in time"
    return f"{data['label']} missed its target of {_target(data)}"


def recorded(who: str, data: Data, names: Names) -> str:
    late = ", late" if data["outcome"] == SlaClock.Outcome.MISSED else ""
    return f"{who} recorded “{data['label']}”{late}"


def _target(data: Data) -> str:
    return minutes_in_words(data["target_seconds"] // 60)

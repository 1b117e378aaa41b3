"""What people do together on an incident, in sentences of its timeline."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from audit.messages import Names

Data = dict[str, Any]
_WORDS = {
    "related": ("related to", "related to"),
    "caused_by": ("caused by", "the cause of"),
    "duplicate": ("like",) * 2,
}


def unmerged(who: str, data: Data, names: Names) -> str:
    if "from_number" in data:
        return f"{who} took it out of INC-{data['from_number']} again"
    return f"{who} took INC-{data['number']} out of it again: {data['title']}"


def linked(who: str, data: Data, names: Names) -> str:
    words = _WORDS[data["kind"]][0 if data["is_from"] else 1]
    return f"{who} marked it as {words} INC-{data['number']}: {data['title']}"


def unlinked(who: str, data: Data, names: Names) -> str:
    return f"{who} took away the link with INC-{data['number']}"


def labelled(who: str, data: Data, names: Names) -> str:
    parts = []
    if data["added"]:
        parts.append(f"labelled it {', '.join(data['added'])}")
    if data["removed"]:
        parts.append(f"took away the label {', '.join(data['removed'])}")
    return f"{who} {' and '.join(parts)}"


def task_added(who: str, data: Data, names: Names) -> str:
    return f"{who} added the task “{data['title']}”{_for(data, names)}"


def task_changed(who: str, data: Data, names: Names) -> str:
    if data["done"]:
        return f"{who} did the task “{data['title']}”"
    return f"{who} changed the task “{data['title']}”{_for(data, names)}"


def postmortem_published(who: str, data: Data, names: Names) -> str:
    return f"{who} published the postmortem"


def _for(data: Data, names: Names) -> str:
    return f" for {names.person(UUID(data['assignee']))}" if data.get("assignee") else ""

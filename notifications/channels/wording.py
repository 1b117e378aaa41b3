"""A message in the plain words that every kind can show."""

from __future__ import annotations

from typing import Any


def headline(payload: Any) -> str:
    """``INC-42 was opened: Payments fail``"""
    data = payload["data"]
    return f"{data['incident']['reference']} {data['summary']}: {data['incident']['title']}"


def facts(payload: Any) -> list[tuple[str, str]]:
    """What one wants to know at a glance, label and value."""
    incident = payload["data"]["incident"]
    found = [("Severity", incident["severity"].capitalize()), ("Status", incident["status"].capitalize())]
    if incident["service"]:
        found.append(("Service", f"{incident['service_name']} ({incident['environment']})"))
    found.append(("Who has it", incident["assignee_name"] or "Nobody yet"))
    found.append(("Since", incident["opened_at"].partition(".")[0].replace("T", " ") + " UTC"))
    return found


def plain(payload: Any) -> str:
    """The whole message in lines of text."""
    data = payload["data"]
    lines = [f"{label}: {value}" for label, value in facts(payload)]
    if data.get("note"):
        lines += ["", data["note"]]
    return "\n".join([*lines, "", data["incident"]["url"]])


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

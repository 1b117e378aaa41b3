"""An incident as an issue: its title, its description, and a comment for each thing that happens."""

from __future__ import annotations

import re
from typing import Any

from notifications.channels.wording import facts, shortened

# GitHub's own limit of a title; a description may have 65,536 characters, and our notes 4,000.
LONGEST_TITLE = 256
LABEL = "incident"
# A zero-width space behind them: a title or a note must not call people, nor cite other issues.
NO_REFERENCE = re.compile(r"([@#])(?=\w)")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()|~!])")


def marker(incident: Any) -> str:
    """What our issue about an incident is recognized by; readers do not see it."""
    return f"<!-- incident-center {incident['id']} -->"


def issue_title(payload: Any) -> str:
    incident = payload["data"]["incident"]
    return shortened(f"{incident['reference']} {incident['title']}", LONGEST_TITLE)


def issue_body(payload: Any) -> str:
    """How the incident stands."""
    incident = payload["data"]["incident"]
    rows = [f"| {label} | {plain(value)} |" for label, value in facts(payload)]
    table = "\n".join(["| | |", "| --- | --- |", *rows])
    link = f"[Open {incident['reference']}]({incident['url']})"
    return f"{table}\n\n{link}\n\n{marker(incident)}"


def issue_comment(payload: Any) -> str:
    """What happened: a sentence, and what a person wrote, quoted."""
    data = payload["data"]
    incident = data["incident"]
    said = f"[{incident['reference']}]({incident['url']}) {plain(data['summary'])}."
    if not data.get("note"):
        return said
    quoted = "\n".join(f"> {without_references(line)}" for line in data["note"].splitlines())
    return f"{said}\n\n{quoted}"


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return without_references(MARKDOWN.sub(r"\\\1", text)).replace("\n", " ")


def without_references(text: str) -> str:
    return NO_REFERENCE.sub("\\1\N{ZERO WIDTH SPACE}", text)

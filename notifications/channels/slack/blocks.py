"""An incident in Slack's Block Kit: what, since when, who has it, and what to do."""

from __future__ import annotations

from typing import Any

from notifications.channels.wording import shortened

# Slack's own limits (https://docs.slack.dev/reference/block-kit/blocks).
LONGEST_SECTION = 3_000
LONGEST_NOTE = 1_500
# A word beside each colour: colour is never the only sign.
MARKS = {
    "critical": ":red_circle:",
    "high": ":large_orange_circle:",
    "medium": ":large_yellow_circle:",
    "low": ":large_blue_circle:",
}


ACKNOWLEDGE = "acknowledge"
RESOLVE = "resolve"


def slack_message(payload: Any, *, has_buttons: bool = False) -> dict[str, Any]:
    """The neutral document as ``text`` (for notices and screen readers) and ``blocks``.

    Args:
        has_buttons: with those that come back to us (``notifications.slack_interactions``).
    """
    data = payload["data"]
    incident = data["incident"]
    headline = f"{MARKS.get(incident['severity'], '')} *<{incident['url']}|{escape(incident['reference'])}>* "
    headline += f"{escape(data['summary'])}\n*{escape(incident['title'])}*"
    blocks: list[dict[str, Any]] = [_section(headline)]
    if data.get("note"):
        blocks.append(_section(escape(shortened(data["note"], LONGEST_NOTE))))
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _facts(incident)}]})
    buttons = _buttons(incident) if has_buttons and incident["id"] else []
    buttons.append({"type": "button", "text": {"type": "plain_text", "text": "Open incident"}, "url": incident["url"]})
    if incident["status"] == "open":
        buttons[0]["style"] = "primary"
    blocks.append({"type": "actions", "elements": buttons})
    return {"text": plain_text(payload), "blocks": blocks}


def _buttons(incident: Any) -> list[dict[str, Any]]:
    """What can still be done; the incident's id comes back with the press."""
    if incident["status"] == "resolved":
        return []
    labels = {} if incident["acknowledged_at"] else {ACKNOWLEDGE: "Acknowledge"}
    labels[RESOLVE] = "Resolve"
    return [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": label},
            "action_id": action,
            "value": str(incident["id"]),
        }
        for action, label in labels.items()
    ]


def plain_text(payload: Any) -> str:
    """The message in one line, for notices and screen readers."""
    data = payload["data"]
    incident = data["incident"]
    return escape(
        f"{incident['severity'].capitalize()}: {incident['reference']} {data['summary']}: {incident['title']}"
    )


def _facts(incident: Any) -> str:
    facts = [
        f"Severity *{incident['severity']}*",
        f"Status *{incident['status']}*",
        f"Service *{escape(incident['service_name'])}* ({escape(incident['environment'])})"
        if incident["service"]
        else "",
        f"Assigned to *{escape(incident['assignee_name'])}*" if incident["assignee"] else "Nobody has it yet",
        # Slack shows the time in the reader's own zone; the text after the bar is for clients that cannot.
        f"Since <!date^{incident['opened_at_unix']}^{{date_short_pretty}} {{time}}|{incident['opened_at']}>",
    ]
    return "  ·  ".join(fact for fact in facts if fact)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": shortened(text, LONGEST_SECTION)}}


def escape(text: str) -> str:
    """Slack's three control characters: a title must not mention @channel or make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""A message in Slack's Block Kit: what, since when, who has it, and one button."""

from __future__ import annotations

import json
from typing import Any

from notifications.channels.base import (
    USER_AGENT,
    ChannelKind,
    Message,
    Outcome,
    Recipient,
    Request,
    Result,
    judge_status,
)
from notifications.channels.egress import Answer

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
# Answers of incoming webhooks that no repetition changes, some of which come with a status that would be retried.
DEAD_ADDRESS_WORDS = (
    "no_service",
    "no_team",
    "team_disabled",
    "channel_is_archived",
    "channel_not_found",
    "invalid_token",
)


class SlackKind(ChannelKind):
    """An incoming webhook's address holds its own credential, so there is no secret beside it."""

    name = "slack"
    label = "Slack"
    icon = "hash"
    has_secret = False
    address_label = "Incoming webhook address"
    address_help = "From Slack's “Incoming Webhooks” app, or from a service that takes the same messages."
    address_example = "https://hooks.slack.com/services/T000/B000/XXXX"

    def compose(self, recipient: Recipient, message: Message) -> Request:
        body = json.dumps(slack_message(message.payload), ensure_ascii=False).encode()
        return Request({"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}, body)

    def judge(self, answer: Answer) -> Result:
        result = judge_status(answer)
        word = next((word for word in DEAD_ADDRESS_WORDS if word in result.answer), None)
        if result.outcome is not Outcome.DELIVERED and word is not None:
            error = f"It answers “{word}”: this webhook no longer leads to a conversation. Make a new one."
            return Result(Outcome.FAILED, result.status_code, result.answer, error)
        return result


def slack_message(payload: Any) -> dict[str, Any]:
    """The neutral document as ``text`` (for notices and screen readers) and ``blocks``."""
    data = payload["data"]
    incident = data["incident"]
    headline = f"{MARKS.get(incident['severity'], '')} *<{incident['url']}|{escape(incident['reference'])}>* "
    headline += f"{escape(data['summary'])}\n*{escape(incident['title'])}*"
    blocks: list[dict[str, Any]] = [_section(headline)]
    if data.get("note"):
        blocks.append(_section(escape(shortened(data["note"], LONGEST_NOTE))))
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _facts(incident)}]})
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open incident"}, "url": incident["url"]}
    if incident["status"] == "open":
        button["style"] = "primary"
    blocks.append({"type": "actions", "elements": [button]})
    text = f"{incident['severity'].capitalize()}: {incident['reference']} {data['summary']}: {incident['title']}"
    return {"text": escape(text), "blocks": blocks}


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


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def escape(text: str) -> str:
    """Slack's three control characters: a title must not mention @channel or make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

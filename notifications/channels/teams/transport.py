"""An adaptive card, as the workflow “Post to a channel when a webhook request is received” takes it."""

from __future__ import annotations

import json
from typing import Any

from notifications.channels.base import USER_AGENT, HttpKind, Message, Recipient, Request
from notifications.channels.wording import facts, headline, shortened

# Teams refuses messages over 28 KB (https://learn.microsoft.com/microsoftteams/limits-specifications-teams).
LONGEST_NOTE = 4_000
COLORS = {"critical": "attention", "high": "warning", "medium": "accent", "low": "default"}


class TeamsKind(HttpKind):
    name = "teams"
    label = "Microsoft Teams"
    icon = "users"
    address_label = "Workflow address"
    address_help = "From the workflow “Post to a channel when a webhook request is received”."
    address_example = "https://prod-00.westeurope.logic.azure.com/workflows/…"

    def compose(self, recipient: Recipient, message: Message) -> Request:
        card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": adaptive_card(message.payload)}
        body = json.dumps({"type": "message", "attachments": [card]}, ensure_ascii=False).encode()
        return Request({"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}, body)


def adaptive_card(payload: Any) -> dict[str, Any]:
    """The neutral document as a card of version 1.4. Text blocks would read Markdown, plain runs do not."""
    data = payload["data"]
    incident = data["incident"]
    color = "good" if incident["status"] == "resolved" else COLORS.get(incident["severity"], "default")
    body: list[dict[str, Any]] = [
        _text(f"{incident['reference']} {data['summary']}", color=color, weight="bolder"),
        _text(incident["title"], size="large", weight="bolder"),
        {"type": "FactSet", "facts": [{"title": label, "value": value} for label, value in facts(payload)]},
    ]
    if data.get("note"):
        body.append(_text(shortened(data["note"], LONGEST_NOTE)))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": headline(payload),
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open incident", "url": incident["url"]}],
    }


def _text(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}

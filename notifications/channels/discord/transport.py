"""An embed through a Discord webhook; what happens later changes the message, what alarms is a new one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from notifications.channels.base import (
    USER_AGENT,
    ChannelKind,
    Message,
    Outcome,
    Recipient,
    Request,
    Result,
    exchange,
    judge_status,
)
from notifications.channels.wording import facts, headline, shortened

# Discord's limits of an embed (https://discord.com/developers/docs/resources/message#embed-object-embed-limits).
LONGEST_TITLE = 256
LONGEST_DESCRIPTION = 4_096
LONGEST_VALUE = 1_024
LONGEST_CONTENT = 2_000
# The severities' colours of the portal's light theme; a word says the same.
COLORS = {"critical": 0xB3261E, "high": 0xC75B00, "medium": 0x8A6D00, "low": 0x0072B2}
GOOD = 0x00794C


class DiscordKind(ChannelKind):
    name = "discord"
    label = "Discord"
    icon = "message-square"
    address_label = "Webhook address"
    address_help = "From the channel's settings, Integrations, Webhooks."
    address_example = "https://discord.com/api/webhooks/0000/XXXX"
    # Discord takes 30 a minute from a webhook.
    burst = 5
    rate_per_second = 0.5

    def send(self, recipient: Recipient, message: Message) -> Result:
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        request = Request(headers, json.dumps(discord_message(message.payload), ensure_ascii=False).encode())
        if message.remote_id and not message.is_alarm:
            result = _call("PATCH", message_address(recipient.url, message.remote_id), request)
            if result.status_code != 404:
                return replace(result, remote_id=message.remote_id)
        return _call("POST", with_parameter(recipient.url, "wait", "true"), request)


def _call(method: str, url: str, request: Request) -> Result:
    answer = exchange(method, url, request)
    if isinstance(answer, Result):
        return answer
    result = judge_status(answer)
    if result.outcome is not Outcome.DELIVERED:
        return result
    try:
        return replace(result, remote_id=str(json.loads(answer.body)["id"]))
    except (ValueError, LookupError, TypeError):
        return result  # A service that only speaks alike: its messages cannot be changed later.


def discord_message(payload: Any) -> dict[str, Any]:
    """The neutral document as content (for notices) and an embed; nobody is mentioned by it."""
    data = payload["data"]
    incident = data["incident"]
    color = GOOD if incident["status"] == "resolved" else COLORS.get(incident["severity"], 0)
    embed = {
        "title": shortened(f"{incident['reference']} {incident['title']}", LONGEST_TITLE),
        "url": incident["url"],
        "color": color,
        "fields": [
            {"name": label, "value": shortened(value, LONGEST_VALUE), "inline": True} for label, value in facts(payload)
        ],
    }
    if data.get("note"):
        embed["description"] = shortened(data["note"], LONGEST_DESCRIPTION)
    return {
        "content": shortened(headline(payload), LONGEST_CONTENT),
        "embeds": [embed],
        "allowed_mentions": {"parse": []},
    }


def with_parameter(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [(key, held) for key, held in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)])))


def message_address(url: str, message_id: str) -> str:
    """Of one message that this webhook sent; a thread in the address stays in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/messages/{message_id}"))

"""The message as it is, in JSON, with an id, a time and a signature."""

from __future__ import annotations

import json

from notifications.channels.base import USER_AGENT, HttpKind, Message, Recipient, Request
from notifications.channels.webhook.signing import signature_header


class WebhookKind(HttpKind):
    """Any receiver of ours: it verifies the signature, and drops an id that it has seen."""

    name = "webhook"
    label = "Webhook"
    icon = "webhook"
    has_secret = True
    address_label = "Address"
    address_help = "Each message is a signed POST to this address."
    address_example = "https://example.com/incidents"
    burst = 100
    rate_per_second = 20.0
    groups_bursts = False

    def compose(self, recipient: Recipient, message: Message) -> Request:
        body = json.dumps(message.payload, separators=(",", ":"), ensure_ascii=False).encode()
        timestamp = int(message.sent_at.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature_header(recipient.secrets, message.id, timestamp, body),
        }
        return Request(headers, body)

"""Slack's incoming webhooks."""

from __future__ import annotations

import json

from notifications.channels.base import USER_AGENT, HttpKind, Message, Outcome, Recipient, Request, Result, judge_status
from notifications.channels.egress import Answer
from notifications.channels.slack.blocks import slack_message

# Answers of incoming webhooks that no repetition changes, some of which come with a status that would be retried.
DEAD_ADDRESS_WORDS = (
    "no_service",
    "no_team",
    "team_disabled",
    "channel_is_archived",
    "channel_not_found",
    "invalid_token",
)


class SlackKind(HttpKind):
    """An incoming webhook's address holds its own credential, so there is no secret beside it."""

    name = "slack"
    label = "Slack"
    icon = "hash"
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

"""A Slack app's bot: its message about an incident is kept up to date, and what happens goes into its thread."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from notifications.channels.base import (
    USER_AGENT,
    AddressError,
    ChannelKind,
    Message,
    Outcome,
    Recipient,
    Request,
    Result,
    exchange,
    judge_status,
)
from notifications.channels.slack.blocks import plain_text, slack_message

CONVERSATION = re.compile(r"/archives/([CDG][A-Z0-9]{2,})")
# Errors of the Web API that pass (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
PASSING_ERRORS = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# The message that should be changed is gone, or too old to be changed: a new one takes its place.
UNCHANGEABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class SlackAppKind(ChannelKind):
    name = "slack_app"
    label = "Slack app"
    icon = "hash"
    address_label = "Link to the conversation"
    address_help = "In Slack, “Copy link” on the conversation; the app must have been invited into it."
    address_example = "https://acme.slack.com/archives/C0123456789"
    credential_label = "Bot token"
    credential_help = "Of a Slack app with the scope chat:write; it begins with xoxb-."
    signature_label = "Signing secret"
    signature_help = "Of the same app: with it people acknowledge and resolve in Slack. Leave it empty to do without."

    def check_address(self, address: str) -> None:
        super().check_address(address)
        if CONVERSATION.search(urlsplit(address).path) is None:
            raise AddressError(f"Write the link to a conversation, such as {self.address_example}")

    def shown_address(self, address: str) -> str:
        return address  # A link is no credential; the token is.

    def send(self, recipient: Recipient, message: Message) -> Result:
        found = CONVERSATION.search(urlsplit(recipient.url).path)
        conversation = found[1] if found else ""
        full = {
            "channel": conversation,
            **slack_message(message.payload, has_buttons=bool(recipient.secrets)),
        }
        if not message.remote_id:
            return self._call(recipient, "chat.postMessage", full)
        changed = self._call(recipient, "chat.update", {**full, "ts": message.remote_id})
        if changed.outcome is Outcome.FAILED and changed.answer in UNCHANGEABLE:
            return self._call(recipient, "chat.postMessage", full)
        if changed.outcome is not Outcome.DELIVERED:
            return changed
        reply = {
            "channel": conversation,
            "thread_ts": message.remote_id,
            "text": plain_text(message.payload),
            "reply_broadcast": message.is_alarm,
        }
        return replace(self._call(recipient, "chat.postMessage", reply), remote_id=message.remote_id)

    def _call(self, recipient: Recipient, method: str, arguments: dict[str, Any]) -> Result:
        said = call_method(recipient, method, arguments)
        if isinstance(said, Result):
            return said
        return Result(Outcome.DELIVERED, 200, "ok", remote_id=str(said.get("ts", "")))


def call_method(
    recipient: Recipient, method: str, arguments: dict[str, Any], *, is_form: bool = False
) -> dict[str, Any] | Result:
    """One call of the Web API as the app's bot: what it says, or what it means that it refuses.

    Args:
        is_form: methods that only read take no JSON.
    """
    content_type = "application/x-www-form-urlencoded" if is_form else "application/json; charset=utf-8"
    headers = {
        "Authorization": f"Bearer {recipient.credential}",
        "Content-Type": content_type,
        "User-Agent": USER_AGENT,
    }
    body = (urlencode(arguments) if is_form else json.dumps(arguments, ensure_ascii=False)).encode()
    answer = exchange("POST", f"{api_address(recipient.url)}/{method}", Request(headers, body))
    if isinstance(answer, Result):
        return answer
    result = judge_status(answer)
    if result.outcome is not Outcome.DELIVERED:
        return result
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return replace(result, outcome=Outcome.FAILED, error="It does not answer as Slack does.")
    if said.get("ok"):
        return said
    word = str(said.get("error", ""))
    outcome = Outcome.RETRY if word in PASSING_ERRORS else Outcome.FAILED
    return replace(result, outcome=outcome, answer=word, error=f"Slack refuses it: “{word}”.")


def api_address(conversation_url: str) -> str:
    """The Web API of the conversation's workspace: Slack's, or that of a server that only speaks alike."""
    parts = urlsplit(conversation_url)
    host = parts.hostname or ""
    for domain in ("slack.com", "slack-gov.com"):
        if host == domain or host.endswith(f".{domain}"):
            return f"https://{domain}/api"
    return f"{parts.scheme}://{parts.netloc}/api"

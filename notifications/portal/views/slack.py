"""What people press in Slack. Slack signs each request, and says it again only where it got no answer."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from incident_center.kernel.scope import organization_scope
from notifications.actions.slack_press import Press, slack_press
from notifications.channels.base import USER_AGENT, Recipient, Request, exchange
from notifications.channels.slack.blocks import ACKNOWLEDGE, RESOLVE
from notifications.channels.slack.signature import is_genuine
from notifications.models import Channel
from notifications.slack_links import Named, read_token

LONGEST_BODY = 256 * 1024


@method_decorator(csrf_exempt, name="dispatch")  # The signature over the body says more than a token of ours would.
class SlackInteractionView(View):
    """The “Request URL” of a Slack app's interactivity."""

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        named = read_token(token)
        recipient = _recipient(named) if named is not None else None
        if named is None or recipient is None or not _is_from_slack(request, recipient):
            return HttpResponse("The signature is not that of this channel's app.\n", "text/plain", status=401)
        try:
            payload = json.loads(QueryDict(request.body).get("payload", ""))
            presses = [] if payload["type"] != "block_actions" else _presses(payload)
        except (ValueError, LookupError, TypeError):
            return HttpResponse("This is not how Slack tells of a button.\n", "text/plain", status=400)
        for press in presses:
            said = slack_press(organization_id=named.organization_id, recipient=recipient, press=press)
            _tell(payload.get("response_url", ""), said)
        return HttpResponse()


def _recipient(named: Named) -> Recipient | None:
    with organization_scope(named.organization_id, actor=None):
        channel = Channel.objects.filter(pk=named.channel_id, kind="slack_app", enabled=True, removed_at=None).first()
    return channel.recipient(timezone.now()) if channel is not None else None


def _is_from_slack(request: HttpRequest, recipient: Recipient) -> bool:
    if len(request.body) > LONGEST_BODY:
        return False
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    return any(is_genuine(secret, timestamp, signature, request.body, now=time.time()) for secret in recipient.secrets)


def _presses(payload: Any) -> list[Press]:
    """The buttons that come back to us; the one that opens a page is told of too, and needs nothing."""
    return [
        Press(str(payload["user"]["id"]), action["action_id"], UUID(action["value"]))
        for action in payload["actions"]
        if action["action_id"] in (ACKNOWLEDGE, RESOLVE)
    ]


def _tell(response_url: str, said: str) -> None:
    """To the one who pressed, and nobody else."""
    if not response_url:
        return
    body = json.dumps({"response_type": "ephemeral", "replace_original": False, "text": said}).encode()
    exchange("POST", response_url, Request({"Content-Type": "application/json", "User-Agent": USER_AGENT}, body))

"""A browser as a contact, by Web Push."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from notifications.actions.push_key import push_key
from notifications.channels.base import (
    USER_AGENT,
    AddressError,
    Message,
    Request,
    Result,
    exchange,
    judge_status,
)
from notifications.channels.egress import EgressError, EgressRefusedError, check_target
from notifications.channels.wording import headline, shortened
from notifications.contacts.base import ContactKind, code_text
from notifications.contacts.push import Subscription, authorization, encrypt

# Kept by the push service for a browser that is off; afterwards the incident is not news.
KEPT_SECONDS = 24 * 3600
LONGEST_TITLE = 200
LONGEST_TEXT = 400


class BrowserContact(ContactKind):
    name = "push"
    label = "Browser"
    icon = "bell-ring"
    address_label = "Subscription"
    address_help = "As the browser gives it; the button “Notify this browser” does so."
    address_example = '{"endpoint": "https://…", "keys": {"p256dh": "…", "auth": "…"}}'
    # It is the browser in which its owner is signed in.
    needs_code = False

    def is_available(self) -> bool:
        return push_key() is not None

    def checked_address(self, address: str) -> str:
        try:
            subscription = Subscription.read(address)
            check_target(subscription.endpoint)
        except ValueError:
            raise AddressError("This is not a browser's subscription.") from None
        except EgressRefusedError:
            raise
        except EgressError:
            pass  # A name that does not resolve just now is tried again when it is needed.
        return subscription.write()

    def shown_address(self, address: str) -> str:
        return urlsplit(Subscription.read(address).endpoint).hostname or ""

    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        incident = message.payload["data"]["incident"]
        shown = {
            "title": shortened(headline(message.payload), LONGEST_TITLE),
            "body": shortened(f"{incident['severity'].capitalize()} · {incident['service_name'] or ''}", LONGEST_TEXT),
            "url": next(iter(links.values()), incident["url"]),
            # A later message about the same incident takes the earlier one's place.
            "tag": incident["reference"],
        }
        return self._push(address, shown)

    def send_code(self, address: str, code: str) -> Result:
        return self._push(address, {"title": code, "body": code_text(code), "url": settings.BASE_URL, "tag": "code"})

    def _push(self, address: str, shown: Mapping[str, Any]) -> Result:
        subscription = Subscription.read(address)
        key = push_key()
        assert key is not None, "is_available says so"
        # Browsers' makers write here when something is wrong with us.
        is_reachable = settings.BASE_URL.startswith("https:")
        contact = settings.BASE_URL if is_reachable else f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
        headers = {
            "Authorization": authorization(subscription.endpoint, contact, key, now=time.time()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_SECONDS),
            "Urgency": "high",
            "User-Agent": USER_AGENT,
        }
        body = encrypt(json.dumps(shown, ensure_ascii=False).encode(), subscription)
        answer = exchange("POST", subscription.endpoint, Request(headers, body))
        if isinstance(answer, Result):
            return answer
        result = judge_status(answer)
        if answer.status in (404, 410):
            error = "The browser has ended its subscription; the contact is removed."
            return replace(result, error=error, is_gone=True)
        return result

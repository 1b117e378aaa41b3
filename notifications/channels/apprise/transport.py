"""A message to one of the services that Apprise knows and we let through."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from notifications.channels.base import LONGEST_EXCERPT, AddressError, ChannelKind, Message, Outcome, Recipient, Result
from notifications.channels.egress import EgressTimeoutError
from notifications.channels.wording import headline, plain

# Schemes of services for people, all of which speak HTTP. Not here: what runs programs or reads this machine (dbus,
# syslog, glib, windows, macosx), what reads further addresses (config, apprise), and what has a kind of its own.
ALLOWED = frozenset(
    """
    46elks atalk bulksms clickatell clicksend d7sms gchat gotify gotifys ifttt infobip join kavenegar line matrix
    matrixs mmost mmosts msg91 msgbird nctalk nctalks ntfy ntfys onesignal opsgenie pagerduty pbul plivo pover prowl
    pushy rocket rockets ryver seven signal signals simplepush sinch sns spike splunk squadcast telnyx tgram threema
    twilio twist victorops vonage nexmo webex wxteams whatsapp zulip
    """.split()  # noqa: SIM905  One word a name reads better than a quoted list.
)

# A shorter part of an address is a word such as "high", and gives nothing away.
SHORTEST_HIDDEN = 4


class AppriseKind(ChannelKind):
    name = "apprise"
    label = "Another service"
    icon = "smartphone"
    address_label = "Apprise address"
    address_help = "SMS, voice calls, Telegram, ntfy, Signal, Matrix and more, as Apprise writes their addresses."
    address_example = "ntfys://ntfy.sh/our-topic"

    def check_address(self, address: str) -> None:
        check_apprise_address(address)

    def shown_address(self, address: str) -> str:
        scheme, host = urlsplit(address).scheme, urlsplit(address).hostname or ""
        return f"{scheme}://{host}/…" if scheme in ("ntfy", "ntfys") and host else f"{scheme}://…"

    def send(self, recipient: Recipient, message: Message) -> Result:
        return send_apprise(recipient.url, title=headline(message.payload), body=plain(message.payload))


def check_apprise_address(address: str) -> None:
    """Raises AddressError for a service that is not allowed, or an address that Apprise does not understand."""
    scheme = address.partition("://")[0].lower()
    if scheme not in ALLOWED:
        raise AddressError(f"The service must be one of {', '.join(sorted(ALLOWED))}.")
    if _service(address) is None:
        raise AddressError(f"This is not an address of the form that {scheme}:// has.")


def send_apprise(address: str, *, title: str, body: str) -> Result:
    """Sends once, within 26 seconds. Apprise says only whether it went well; its log says why not."""
    from notifications.channels.apprise.guard import guarded

    try:
        check_apprise_address(address)
    except AddressError as error:
        return Result(Outcome.FAILED, error=str(error))
    service = _service(address)
    with guarded() as conversation, _log_of_this_thread() as lines:
        pause = service.throttle

        def pause_in_time(*arguments: Any, **options: Any) -> None:
            """Between two calls: to many at once it would go on for minutes."""
            conversation.check_time()
            pause(*arguments, **options)

        service.throttle = pause_in_time
        try:
            is_sent = service.notify(title=title, body=body)
        except EgressTimeoutError as error:
            return Result(Outcome.RETRY, error=str(error))
    if is_sent:
        return Result(Outcome.DELIVERED)
    if conversation.refusals:
        return Result(Outcome.RETRY, error=conversation.refusals[-1])
    said = _without_address(" ".join(lines), address)[:LONGEST_EXCERPT]
    return Result(Outcome.RETRY, error=f"The service did not take it. {said}".strip())


@contextmanager
def _log_of_this_thread() -> Iterator[list[str]]:
    """What Apprise logs here. All threads share its logger, and what others say there is of other organizations."""
    lines: list[str] = []
    here = threading.get_ident()

    class Here(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                lines.append(record.getMessage())

    handler = Here(logging.WARNING)
    logger = logging.getLogger("apprise")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _without_address(said: str, address: str) -> str:
    """Apprise names topics and numbers, which give access or are somebody's own; what it says is shown to everyone."""
    parts = {unquote(part).lstrip("+") for part in re.split(r"[/:@?&=,;]+", address.partition("://")[2])}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST_HIDDEN:
            said = said.replace(part, "…")
    return said


def _service(address: str) -> Any:
    import apprise  # Not at the top: it takes tens of megabytes, and the web process does not send.

    return apprise.Apprise.instantiate(address, suppress_exceptions=True)

"""A message to one of the services that Apprise knows and we let through."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from notifications.channels.base import LONGEST_EXCERPT, AddressError, ChannelKind, Message, Outcome, Recipient, Result
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
    """Sends once. Apprise says only whether it went well; its log says why not."""
    import apprise

    from notifications.channels.apprise.guard import guarded

    try:
        check_apprise_address(address)
    except AddressError as error:
        return Result(Outcome.FAILED, error=str(error))
    with guarded() as refusals, apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:
        is_sent = _service(address).notify(title=title, body=body)
        said = log.getvalue().strip()[:LONGEST_EXCERPT]
    if is_sent:
        return Result(Outcome.DELIVERED)
    if refusals:
        return Result(Outcome.RETRY, error=refusals[-1])
    return Result(Outcome.RETRY, error=f"The service did not take it. {said}".strip())


def _service(address: str) -> Any:
    import apprise  # Not at the top: it takes tens of megabytes, and the web process does not send.

    return apprise.Apprise.instantiate(address, suppress_exceptions=True)

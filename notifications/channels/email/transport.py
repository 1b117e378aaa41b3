"""A channel that is a list of mailboxes."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from notifications.channels.base import AddressError, ChannelKind, Message, Recipient, Result
from notifications.channels.email.mail import send_incident_mail

MOST_MAILBOXES = 20


class EmailKind(ChannelKind):
    name = "email"
    label = "E-mail"
    icon = "mail"
    address_label = "E-mail addresses"
    address_help = "Of a team or a mailing list; several with commas between. People's own come with their contacts."
    address_example = "payments-team@example.com"

    def check_address(self, address: str) -> None:
        found = mailboxes(address)
        if not found or len(found) > MOST_MAILBOXES:
            raise AddressError(f"Write one to {MOST_MAILBOXES} e-mail addresses, with commas between.")
        for mailbox in found:
            try:
                validate_email(mailbox)
            except ValidationError:
                raise AddressError(f"“{mailbox}” is not an e-mail address.") from None

    def shown_address(self, address: str) -> str:
        return address

    def send(self, recipient: Recipient, message: Message) -> Result:
        links = {"Open incident": message.payload["data"]["incident"]["url"]}
        return send_incident_mail(
            mailboxes(recipient.url),
            message,
            links=links,
            because="this address is a notification channel of your organization",
        )


def mailboxes(address: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in address.split(",") if part.strip()))

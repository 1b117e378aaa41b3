"""The kinds of contacts that a person can have, and how each carries a message."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from incident_center.kernel.api.problems import InvalidInput
from notifications.channels.apprise.transport import AppriseKind, send_apprise
from notifications.channels.base import AddressError, Message, Result
from notifications.channels.email.mail import send_incident_mail, send_letter_mail, send_mail
from notifications.channels.wording import headline, plain, shortened
from notifications.contacts.base import CODE_SUBJECT, ContactKind, code_text
from notifications.contacts.browser import BrowserContact

PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164.
LONGEST_TITLE_IN_TEXT_MESSAGE = 90


class EmailContact(ContactKind):
    name = "email"
    label = "E-mail"
    icon = "mail"
    address_label = "E-mail address"
    address_help = "Besides your account's own, which is there already."
    address_example = "ada@example.com"

    def is_available(self) -> bool:
        return bool(settings.EMAIL_CONFIGURED)

    def checked_address(self, address: str) -> str:
        try:
            validate_email(address)
        except ValidationError:
            raise AddressError("This is not an e-mail address.") from None
        return address

    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        because = "your notification rules say so; change them under Settings, My notifications"
        return send_incident_mail([address], message, links=links, because=because)

    def send_letter(self, address: str, message: Message) -> Result:
        return send_letter_mail([address], message)

    def send_code(self, address: str, code: str) -> Result:
        return send_mail([address], subject=CODE_SUBJECT, text=code_text(code))


class PhoneContact(ContactKind):
    """Through the provider whose address the operator set, with ``{to}`` in the place of the number."""

    address_label = "Phone number"
    address_help = "With the country's code."
    address_example = "+49 151 23456789"

    @property
    @abstractmethod
    def provider(self) -> str:
        """The Apprise address with ``{to}``; empty where the operator named none."""

    def is_available(self) -> bool:
        return bool(self.provider)

    def checked_address(self, address: str) -> str:
        number = re.sub(r"[\s()/.-]", "", address)
        if PHONE_NUMBER.fullmatch(number) is None:
            raise AddressError(f"Write the number with the country's code, such as {self.address_example}")
        return number

    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        return self._send(address, text_message(message.payload, links))

    def send_code(self, address: str, code: str) -> Result:
        return self._send(address, code_text(code))

    def _send(self, number: str, text: str) -> Result:
        return send_apprise(self.provider.replace("{to}", quote(number, safe="")), title="", body=text)


class SmsContact(PhoneContact):
    name = "sms"
    label = "SMS"
    icon = "smartphone"

    @property
    def provider(self) -> str:
        return str(settings.SMS_URL)


class VoiceContact(PhoneContact):
    name = "voice"
    label = "Voice call"
    icon = "phone-call"
    holds_links = False

    @property
    def provider(self) -> str:
        return str(settings.VOICE_URL)

    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        incident = message.payload["data"]["incident"]
        spoken = f"Incident {incident['number']}, severity {incident['severity']}. {incident['title']}."
        return self._send(address, f"{spoken} I repeat. {spoken}")

    def send_code(self, address: str, code: str) -> Result:
        spoken = ", ".join(code)
        return self._send(address, f"Your code for Incident Center is {spoken}. I repeat: {spoken}.")


class AppriseContact(ContactKind):
    name = "apprise"
    label = "Another service"
    icon = "bell-ring"
    address_label = "Apprise address"
    address_help = "Such as ntfy, Telegram, Signal or Pushover, as Apprise writes their addresses."
    address_example = "ntfys://ntfy.sh/my-secret-topic"

    def checked_address(self, address: str) -> str:
        AppriseKind().check_address(address)
        return address

    def shown_address(self, address: str) -> str:
        return AppriseKind().shown_address(address)

    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        body = "\n".join([plain(message.payload), *(f"{label}: {link}" for label, link in links.items())])
        return send_apprise(address, title=headline(message.payload), body=body)

    def send_code(self, address: str, code: str) -> Result:
        return send_apprise(address, title=CODE_SUBJECT, body=code_text(code))


def text_message(payload: Any, links: Mapping[str, str]) -> str:
    """What fits one or two text messages: the incident, and the most urgent thing to do."""
    incident = payload["data"]["incident"]
    title = shortened(incident["title"], LONGEST_TITLE_IN_TEXT_MESSAGE)
    text = f"{incident['severity'].upper()} {incident['reference']}: {title}"
    for label, link in links.items():
        return f"{text}. {label}: {link}"
    return text


CONTACT_KINDS: dict[str, ContactKind] = {
    kind.name: kind for kind in (EmailContact(), BrowserContact(), SmsContact(), VoiceContact(), AppriseContact())
}
CONTACT_KIND_CHOICES = [(kind.name, kind.label) for kind in CONTACT_KINDS.values()]


def available_contact_kinds() -> list[ContactKind]:
    return [kind for kind in CONTACT_KINDS.values() if kind.is_available()]


def contact_kind(name: str) -> ContactKind:
    """Raises InvalidInput for a kind that is not known, or that this installation cannot send."""
    kind = CONTACT_KINDS.get(name)
    if kind is None or not kind.is_available():
        known = ", ".join(each.name for each in available_contact_kinds())
        raise InvalidInput("kind", f"This installation reaches people by: {known}.")
    return kind

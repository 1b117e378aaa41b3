"""What a kind of contact is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from notifications.channels.base import Message, Outcome, Result

CODE_SUBJECT = "Your code for Incident Center"


class ContactKind(ABC):
    """One way of reaching a person."""

    name: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    address_label: ClassVar[str]
    address_help: ClassVar[str]
    address_example: ClassVar[str]

    # Whether a message can hold a link, by which the person says that it arrived.
    holds_links: ClassVar[bool] = True
    # Whether a code has to come back before it is used.
    needs_code: ClassVar[bool] = True

    def is_available(self) -> bool:
        """Whether this installation can send there at all."""
        return True

    @abstractmethod
    def checked_address(self, address: str) -> str:
        """The address in its one form. Raises AddressError with a sentence for the person."""

    def shown_address(self, address: str) -> str:
        """As its owner sees it."""
        return address

    @abstractmethod
    def send(self, address: str, message: Message, links: Mapping[str, str]) -> Result:
        """Sends once. ``links``: what the person can do, as label and address, the most urgent first."""

    def send_letter(self, address: str, message: Message) -> Result:
        """Sends what is about no incident. Only mailboxes take letters."""
        return Result(Outcome.FAILED, error="Letters go to e-mail addresses only.")

    @abstractmethod
    def send_code(self, address: str, code: str) -> Result:
        """Sends the code that proves that the address is the person's."""


def code_text(code: str) -> str:
    return f"{code} is your code for Incident Center. It holds for 15 minutes. If you did not ask for it, ignore it."

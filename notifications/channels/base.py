"""What a kind of channel is: how its address looks, how a message is written for it, and what its answers mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, ClassVar

from notifications.addresses import masked_url
from notifications.channels.egress import Answer, EgressError, EgressRefusedError, call, check_target

LONGEST_EXCERPT = 500
# Asked to wait longer than this, we ask again anyway: the other side may have meant milliseconds.
LONGEST_RETRY_AFTER_SECONDS = 6 * 3600.0
# Not now, but perhaps later. All other 4xx say that this message will never be taken.
PASSING_STATUSES = frozenset({408, 409, 423, 425, 429})
USER_AGENT = "Incident-Center/1"


class Outcome(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"


@dataclass(frozen=True)
class IssueChange:
    """An issue about the incident was opened (again), or closed. ``name``: ``acme/payments#12``."""

    is_open: bool
    name: str
    url: str


@dataclass(frozen=True)
class Result:
    """What came of an attempt. ``error`` is a sentence, empty when it was delivered."""

    outcome: Outcome
    status_code: int | None = None
    answer: str = ""
    error: str = ""
    retry_after_seconds: float | None = None
    # What the other side calls the message, where it says so and lets us change it later.
    remote_id: str = ""
    # For the incident's timeline, where the channel keeps issues.
    issue: IssueChange | None = None
    # There is nobody there any more, for good: a contact is forgotten.
    is_gone: bool = False

    def __post_init__(self) -> None:
        """The other side may have said NUL, which PostgreSQL does not take: what came of it could not be kept."""
        for name in ("answer", "error", "remote_id"):
            text = getattr(self, name)
            if "\0" in text:
                object.__setattr__(self, name, text.replace("\0", ""))


@dataclass(frozen=True)
class Recipient:
    """Where a message goes. ``secrets`` are those to sign with, newest first; ``credential`` is what the other side
    gave us.
    """

    url: str
    secrets: tuple[str, ...] = ()
    credential: str = ""


@dataclass(frozen=True)
class Message:
    """A message on its way: ``payload`` is the neutral document of ``notifications.messages``.

    ``remote_id`` is the other side's name of the message that told of the same incident before, where there is one:
    kinds that can change a message change that one.
    """

    id: str
    payload: Mapping[str, Any]
    sent_at: datetime
    remote_id: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether it has to be noticed, so that a silent change of an older message would not do."""
        return str(self.payload["type"]).removeprefix("incident.") in ("opened", "recurred", "reopened", "paged")


class AddressError(Exception):
    """An address that this kind of channel cannot use; the message is a sentence for who wrote it."""


@dataclass(frozen=True)
class Request:
    """What is sent over HTTP."""

    headers: Mapping[str, str]
    body: bytes


class ChannelKind(ABC):
    """One kind of channel. Each has a folder of its own in ``notifications.channels`` and is listed in the registry."""

    name: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    # Whether messages are signed with a secret that we make and show once.
    has_secret: ClassVar[bool] = False
    address_label: ClassVar[str]
    address_help: ClassVar[str]
    address_example: ClassVar[str]
    # What the other side gave us to speak with; empty where the address says it all.
    credential_label: ClassVar[str] = ""
    credential_help: ClassVar[str] = ""
    # How fast messages may leave through one channel: so many at once, then at this rate.
    burst: ClassVar[int] = 20
    rate_per_second: ClassVar[float] = 1.0
    # Whether people read it, so that a burst is told in one message; programs get each message under its own id.
    groups_bursts: ClassVar[bool] = True
    # Whether what it began has to be ended with the incident, whatever the routes say by then.
    hears_the_end: ClassVar[bool] = False
    # What the other side signs its own requests with, where people can answer there; empty where they cannot.
    signature_label: ClassVar[str] = ""
    signature_help: ClassVar[str] = ""

    def check_address(self, address: str) -> None:
        """Accepts an address that may be used, now or once its name resolves.

        Raises:
            AddressError, EgressRefusedError: it may not.
        """
        try:
            check_target(address)
        except EgressRefusedError:
            raise
        except EgressError:
            return  # A name that does not resolve just now is tried again when it is needed.

    def shown_address(self, address: str) -> str:
        """Enough to recognize the address by, without what gives access."""
        return masked_url(address)

    @abstractmethod
    def send(self, recipient: Recipient, message: Message) -> Result:
        """Sends once, within seconds. Never raises for what the other side does."""


class HttpKind(ChannelKind):
    """A kind whose message is one POST."""

    @abstractmethod
    def compose(self, recipient: Recipient, message: Message) -> Request:
        """The message as this kind writes it."""

    def judge(self, answer: Answer) -> Result:
        """What the answer means. 2xx is delivered; kinds whose services say more override this."""
        return judge_status(answer)

    def send(self, recipient: Recipient, message: Message) -> Result:
        answer = exchange("POST", recipient.url, self.compose(recipient, message))
        return answer if isinstance(answer, Result) else self.judge(answer)


def exchange(method: str, url: str, request: Request) -> Answer | Result:
    """One call through the egress guard: the answer, or what it means that there was none."""
    try:
        return call(method, url, body=request.body, headers=request.headers)
    except EgressRefusedError as error:
        return Result(Outcome.FAILED, error=str(error))
    except EgressError as error:
        return Result(Outcome.RETRY, error=str(error))


def judge_status(answer: Answer) -> Result:
    """The meaning of an HTTP status, with Retry-After where it comes with one."""
    excerpt = answer.body.decode("utf-8", "replace")[:LONGEST_EXCERPT]
    status = answer.status
    if 200 <= status < 300:
        return Result(Outcome.DELIVERED, status, excerpt)
    if 300 <= status < 400:
        error = f"It answers {status}, a redirect; redirects are not followed. Write the final address."
        return Result(Outcome.FAILED, status, excerpt, error)
    if 400 <= status < 500 and status not in PASSING_STATUSES:
        return Result(Outcome.FAILED, status, excerpt, f"It answers {status}: {MEANINGS.get(status, REFUSED)}")
    wait = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
    return Result(Outcome.RETRY, status, excerpt, f"It answers {status}.", wait)


REFUSED = "it does not take this message, and will not take it when it is sent again."
MEANINGS = {
    401: "it wants a credential that the address does not hold.",
    403: "it refuses us. Was the address revoked?",
    404: "there is nothing at this address. Was it deleted?",
    405: "it takes no POST. Is this the right address?",
    410: "the address was given up for good.",
}


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: a number or a date), at most six hours; None without one."""
    value = value.strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS) if seconds == seconds else None

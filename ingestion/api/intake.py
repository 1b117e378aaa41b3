"""What the endpoints of the intake share: who sends, and the body, bounded."""

from __future__ import annotations

from django.http import HttpRequest

from incident_center.kernel.api.problems import InvalidInput
from ingestion.actions.receive_logs import ReceivedBody, Sender
from ingestion.gateway import service_resolver
from ingestion.limits import BODY_BYTES, DEAD_LETTER_BYTES
from organizations.keys import KeyIdentity


def sender_of(key: KeyIdentity) -> Sender:
    """For whom the key speaks."""
    if key.service_id is not None:
        principal, resolver = f"service:{key.service_id}", None  # A rotated key is still the same sender.
    else:
        principal, resolver = str(key.actor), service_resolver(key.actor)
    return Sender(key.organization_id, key.service_id, key.retention_days, principal, resolver, key.key_id)


def received_body(http: HttpRequest) -> ReceivedBody:
    """The body, but of one that announces itself as too large only the beginning.

    Raises:
        InvalidInput: it ended before its announced length.
    """
    announced = http.META.get("CONTENT_LENGTH") or ""
    size = int(announced) if announced.isascii() and announced.isdigit() else None
    try:
        content = http.read(DEAD_LETTER_BYTES if size is not None and size > BODY_BYTES else BODY_BYTES + 1)
    except OSError as error:
        raise InvalidInput("", "The body ended before its announced length.") from error
    return ReceivedBody(
        content=content,
        content_type=http.META.get("CONTENT_TYPE") or "",
        content_encoding=http.headers.get("Content-Encoding", ""),
        size=size,
    )

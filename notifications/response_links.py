"""Links in messages by which a person acknowledges without signing in: they name one delivery, and are signed.

Whoever holds the link acts as the person to whom it was sent, on that one incident, for a week. It is short enough for
a text message: the organization, the delivery's id, and 120 bits of HMAC-SHA256.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

LIVES = timedelta(days=7)
SALT = "notifications.response_links"
DRILL = "notifications.drill_links"
SIGNATURE_BYTES = 15


@dataclass(frozen=True)
class Named:
    """What a link names, before anything is looked up."""

    organization_id: int
    delivery_id: UUID


def response_address(organization_id: int, delivery_id: UUID) -> str:
    """The address of the page on which the person acknowledges or resolves."""
    return settings.BASE_URL + reverse("notifications:respond", args=[make_token(organization_id, delivery_id)])


def drill_address(organization_id: int, drill_id: UUID) -> str:
    """The address of the page on which the person says that a drill arrived."""
    return settings.BASE_URL + reverse(
        "notifications:drill-receipt", args=[make_token(organization_id, drill_id, DRILL)]
    )


def make_token(organization_id: int, delivery_id: UUID, salt: str = SALT) -> str:
    subject = f"{organization_id:x}.{_encode(delivery_id.bytes)}"
    return f"{subject}.{_signature(subject, settings.SECRET_KEY, salt)}"


def read_token(token: str, salt: str = SALT) -> Named | None:
    """What the token names; None for one that is not ours."""
    subject, _, signature = token.rpartition(".")
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(signature.encode(), _signature(subject, key, salt).encode()) for key in keys):
        return None
    organization, _, delivery = subject.partition(".")
    return Named(int(organization, 16), UUID(bytes=base64.urlsafe_b64decode(delivery + "==")))


def _signature(subject: str, key: str, salt: str) -> str:
    return _encode(salted_hmac(salt, subject, secret=key, algorithm="sha256").digest()[:SIGNATURE_BYTES])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

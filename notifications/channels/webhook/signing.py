"""Signatures of the Standard Webhooks specification, version 1: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_MARK = "whsec_"  # noqa: S105  The mark, not a secret.
SECRET_BYTES = 32


def make_secret() -> str:
    """A new secret: ``whsec_`` and 256 random bits in base64."""
    return SECRET_MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signature_header(signing_secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature a secret, so that receivers can change over.

    Args:
        signing_secrets: ``whsec_…``, newest first.
        message_id: the value of ``webhook-id``.
        timestamp: of this attempt, in seconds of Unix time; the value of ``webhook-timestamp``.
        body: exactly the bytes that are sent.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = []
    for secret in signing_secrets:
        key = base64.b64decode(secret.removeprefix(SECRET_MARK))
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        signatures.append("v1," + base64.b64encode(digest).decode("ascii"))
    return " ".join(signatures)

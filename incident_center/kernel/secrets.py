"""Encryption at rest for what must be used again in clear: channel secrets, webhook addresses, join codes.

Fernet (AES-128-CBC with HMAC-SHA256, from ``cryptography``), with keys derived from the installation's secret.
``SECRET_KEY_FALLBACKS`` are tried for decryption, so that the secret can be rotated.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

# How every token begins: Fernet's version, and the time until the year 2106.
TOKEN_MARK = "gAAAAA"  # noqa: S105  The mark, not a secret.


class UndecryptableError(ValueError):
    """A stored secret was encrypted under a key that this installation does not have."""


@lru_cache(maxsize=4)
def _cipher(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [hashlib.scrypt(secret.encode(), salt=b"incident-center/at-rest", n=2**12, r=8, p=1) for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key[:32])) for key in keys])


def _installation_cipher() -> MultiFernet:
    return _cipher((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def encrypt(text: str) -> str:
    return _installation_cipher().encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """The inverse of ``encrypt``.

    Raises:
        UndecryptableError: SECRET_KEY is not the one (nor a fallback of the one) that encrypted the text.
    """
    try:
        return _installation_cipher().decrypt(token.encode("ascii")).decode()
    except InvalidToken as error:
        raise UndecryptableError("a stored secret does not open with this SECRET_KEY or its fallbacks") from error


class EncryptedTextField(models.TextField):
    """Text that is encrypted in the database and clear in Python. It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return encrypt(prepared) if prepared else prepared

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypt(value) if value else value

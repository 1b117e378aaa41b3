"""The key with which the installation signs what it hands out."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import connection

from audit.models import SigningKey
from incident_center.kernel.api.problems import Unavailable
from incident_center.kernel.secrets import UndecryptableError


def make_first_signing_key(**_: Any) -> None:
    """After each migrate: an installation without a key gets one."""
    if settings.DATABASE_AS != "owner" or SigningKey._meta.db_table not in connection.introspection.table_names():
        return
    if not SigningKey.objects.exists():
        signing_key_make()


def signing_key_make() -> SigningKey:
    """A new key, which signs from now on. What was signed before keeps its own public key with it."""
    private = Ed25519PrivateKey.generate()
    return SigningKey.objects.create(
        private=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        public=private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"),
    )


def public_key() -> str:
    """The public half of the key that signs now, in PEM.

    Raises:
        Unavailable: there is none yet.
    """
    newest = SigningKey.objects.order_by("-made_at").values_list("public", flat=True).first()
    if newest is None:
        raise Unavailable("This installation has no signing key yet: run migrate.")
    return str(newest)


def sign(message: bytes) -> tuple[bytes, str]:
    """The signature (64 bytes, Ed25519) and the public key in PEM.

    Raises:
        Unavailable: there is no key, or it does not open with this SECRET_KEY.
    """
    try:
        key = SigningKey.objects.order_by("-made_at").first()
    except UndecryptableError as error:
        raise Unavailable("The signing key does not open with this installation's SECRET_KEY.") from error
    if key is None:
        raise Unavailable("This installation has no signing key yet: run migrate.")
    private = load_pem_private_key(key.private.encode("ascii"), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    return private.sign(message), key.public

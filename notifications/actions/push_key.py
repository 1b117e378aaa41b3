from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from django.conf import settings
from django.db import connection

from incident_center.kernel.secrets import UndecryptableError
from notifications.models import PushKey


def make_push_key(**_: Any) -> None:
    """After each migrate: an installation without a key for Web Push gets one."""
    if settings.DATABASE_AS != "owner" or PushKey._meta.db_table not in connection.introspection.table_names():
        return
    if not PushKey.objects.exists():
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
        PushKey.objects.create(private=pem)


def push_key() -> ec.EllipticCurvePrivateKey | None:
    """The key; None where there is none yet, or it does not open with this SECRET_KEY."""
    try:
        key = PushKey.objects.order_by("made_at").first()
    except UndecryptableError:
        return None
    if key is None:
        return None
    private = load_pem_private_key(key.private.encode("ascii"), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private

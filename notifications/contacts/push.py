"""Web Push: a message to a browser that is closed, encrypted for it alone (RFC 8030, 8188, 8291, 8292).

The browser names an endpoint of its maker's push service and two keys; what we send passes through that service, which
cannot read it. No Django in here.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
RECORD_BYTES = 4_096
# A record's end and its tag; services refuse more than one record (RFC 8030, 7.2).
LONGEST_MESSAGE_BYTES = RECORD_BYTES - 86 - 17
# RFC 8292 allows a day.
TOKEN_LIVES_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Subscription:
    """What a browser's ``PushManager.subscribe`` gives: ``public_key`` and ``secret`` are its keys p256dh and auth."""

    endpoint: str
    public_key: bytes
    secret: bytes

    @classmethod
    def read(cls, text: str) -> Subscription:
        """From the JSON of the browser.

        Raises:
            ValueError: it is none.
        """
        try:
            given = json.loads(text)
            endpoint = str(given["endpoint"])
            public_key, secret = decoded(given["keys"]["p256dh"]), decoded(given["keys"]["auth"])
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public_key)
        except (LookupError, TypeError, AttributeError, RecursionError, InvalidKey) as error:
            raise ValueError("not a subscription") from error
        if len(secret) != 16 or urlsplit(endpoint).scheme not in ("https", "http"):
            raise ValueError("not a subscription")
        return cls(endpoint, public_key, secret)

    def write(self) -> str:
        keys = {"p256dh": encoded(self.public_key), "auth": encoded(self.secret)}
        return json.dumps({"endpoint": self.endpoint, "keys": keys})


def encrypt(
    message: bytes,
    subscription: Subscription,
    *,
    ours: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of the request: one record of aes128gcm.

    Args:
        ours, salt: for the standard's own example; each message has new ones.

    Raises:
        ValueError: the message is too long.
    """
    if len(message) > LONGEST_MESSAGE_BYTES:
        raise ValueError("the message does not fit one record")
    ours = ours or ec.generate_private_key(CURVE)
    salt = salt or os.urandom(16)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, subscription.public_key)
    our_public = point(ours.public_key())
    info = b"WebPush: info\0" + subscription.public_key + our_public
    key_material = _derived(ours.exchange(ec.ECDH(), theirs), subscription.secret, info, 32)
    key = _derived(key_material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(key_material, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(our_public)]) + our_public
    return header + AESGCM(key).encrypt(nonce, message + b"\x02", None)


def authorization(endpoint: str, contact: str, key: ec.EllipticCurvePrivateKey, *, now: float) -> str:
    """The header by which the service knows that it is the sender whom the browser allowed.

    Args:
        contact: an address (mailto: or https:) at which the service reaches the operator.
    """
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + TOKEN_LIVES_SECONDS, "sub": contact}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    token = f"{signed}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={encoded(point(key.public_key()))}"


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """65 bytes, uncompressed."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)

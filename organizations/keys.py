"""API keys: made, hashed, and recognized on every request of the intake.

A key is ``ick_`` + 8 characters that may be shown + ``_`` + 256 random bits. Only its SHA-256 is stored: a slow
password hash protects what can be guessed, and would cost each request a tenth of a second here.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

from incident_center.kernel.scope import Actor, no_scope

KEY_MARK = "ick_"
PREFIX_LENGTH = len(KEY_MARK) + 8
# A revocation is heard within this time by every process.
CACHE_SECONDS = 1.0
# A key that is in use is looked up again at this age, so that no request has to wait for it.
REFRESH_SECONDS = 0.5
CACHE_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment when all of it is known."""

    key: str
    prefix: str
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """Whom a key speaks for. ``service_id`` is None for a gateway key."""

    key_id: UUID
    organization_id: int
    service_id: int | None
    retention_days: int

    @property
    def actor(self) -> Actor:
        return Actor.key(self.key_id)


def make_key() -> NewKey:
    prefix = KEY_MARK + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    return NewKey(key=key, prefix=prefix, secret_hash=hash_key(key))


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


class KeyCache:
    """What the database last said of each key, known or not, for at most a second."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[float, KeyIdentity | None]] = {}
        self._refreshing: set[bytes] = set()
        self._lock = Lock()

    def get(self, secret_hash: bytes, now: float) -> tuple[bool, KeyIdentity | None]:
        found = self._entries.get(secret_hash)
        if found is None or found[0] <= now:
            return False, None
        return True, found[1]

    def get_in_use(self, secret_hash: bytes, now: float) -> tuple[KeyIdentity | None, bool]:
        """The identity behind a key that is known to live, and whether the caller should look it up again: one caller
        is told so.
        """
        found = self._entries.get(secret_hash)
        if found is None or found[0] <= now or found[1] is None:
            return None, False
        if found[0] - now > CACHE_SECONDS - REFRESH_SECONDS or secret_hash in self._refreshing:
            return found[1], False
        with self._lock:
            first = secret_hash not in self._refreshing
            self._refreshing.add(secret_hash)
        return found[1], first

    def was_alive(self, secret_hash: bytes) -> bool:
        """Whether the key was good when it was last looked up, however long ago."""
        found = self._entries.get(secret_hash)
        return found is not None and found[1] is not None

    def refreshed(self, secret_hash: bytes) -> None:
        with self._lock:
            self._refreshing.discard(secret_hash)

    def put(self, secret_hash: bytes, identity: KeyIdentity | None, now: float) -> None:
        with self._lock:
            if len(self._entries) >= CACHE_ENTRIES:
                self._entries = {k: v for k, v in self._entries.items() if v[0] > now}
                if len(self._entries) >= CACHE_ENTRIES:
                    self._entries.clear()
            self._entries[secret_hash] = (now + CACHE_SECONDS, identity)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


key_cache = KeyCache()


def authenticate_key(raw: str) -> KeyIdentity | None:
    """Whom the key speaks for, or None when it is unknown, expired, revoked, or its service is retired."""
    if not raw.startswith(KEY_MARK) or len(raw) > 200:
        return None
    secret_hash = hash_key(raw)
    now = time.monotonic()
    known, identity = key_cache.get(secret_hash, now)
    if not known:
        identity = _look_up(secret_hash)
        key_cache.put(secret_hash, identity, now)
    return identity


def refresh_key(secret_hash: bytes) -> None:
    """Looks a key in use up again. While the database is away, what is known lives to the end of its second."""
    now = time.monotonic()
    try:
        key_cache.put(secret_hash, _look_up(secret_hash), now)
    except (DatabaseError, InterfaceError):
        connection.close()
    finally:
        key_cache.refreshed(secret_hash)


def _look_up(secret_hash: bytes) -> KeyIdentity | None:
    """One narrow function answers before any scope is open; it also notes, once a minute, that the key was used."""
    with no_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT key_id, organization_id, service_id, retention_days FROM api_key_identity(%s)", [secret_hash]
        )
        row = cursor.fetchone()
    return None if row is None else KeyIdentity(*row)

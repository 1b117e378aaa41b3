from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from organizations.keys import make_key
from organizations.models import ApiKey, Service

MOST_OVERLAP_HOURS = 30 * 24


@dataclass(frozen=True)
class IssuedKey:
    """A key's row, and the key itself, which is not stored and is shown this once."""

    row: ApiKey
    key: str


def key_create(
    *, actor: Actor, user_id: UUID, name: str, service: Service | None, expires_at: datetime | None = None
) -> IssuedKey:
    """Makes a key for a service, or, without one, a gateway key of the organization.

    Raises:
        InvalidInput: the name is empty or the expiry has passed.
    """
    if not name.strip():
        raise InvalidInput("name", "Name the key after what will use it.")
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("expires_at", "The key would be expired already; choose a later time.")
    made = make_key()
    row = ApiKey.objects.create(
        name=name.strip(),
        service=service,
        prefix=made.prefix,
        secret_hash=made.secret_hash,
        created_by_id=user_id,
        expires_at=expires_at,
    )
    return IssuedKey(row=row, key=made.key)


def key_rotate(
    *, key_id: UUID, service: Service | None, actor: Actor, user_id: UUID, overlap_hours: int = 24
) -> IssuedKey:
    """Makes a key in the place of another, which lives on for the overlap; 0 ends it at once.

    Raises:
        NotFound: no such key of this service.
        Conflict: the key is dead already.
        InvalidInput: the overlap is out of range.
    """
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        raise InvalidInput("overlap_hours", f"Write a number of hours from 0 to {MOST_OVERLAP_HOURS}.")
    with transaction.atomic():
        old = _locked(key_id, service)
        if not old.is_alive:
            raise Conflict("This key is expired or revoked; make a new one instead of rotating it.")
        made = make_key()
        new = ApiKey.objects.create(
            name=old.name,
            service_id=old.service_id,
            prefix=made.prefix,
            secret_hash=made.secret_hash,
            created_by_id=user_id,
            rotated_from=old,
        )
        end = timezone.now() + timedelta(hours=overlap_hours)
        old.expires_at = end if old.expires_at is None else min(old.expires_at, end)
        old.save(update_fields=["expires_at"])
    return IssuedKey(row=new, key=made.key)


def key_revoke(*, key_id: UUID, service: Service | None, actor: Actor) -> None:
    """Ends the key at once (every process hears of it within a second). Revoking twice is no error.

    Raises:
        NotFound: no such key of this service.
    """
    with transaction.atomic():
        key = _locked(key_id, service)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])


def _locked(key_id: UUID, service: Service | None) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(pk=key_id, service=service).first()
    if key is None:
        raise NotFound()
    return key

"""Secret addresses for calendar programs, which can send no credential of their own."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from incident_center.kernel.scope import Actor, no_scope
from incidents.models import CalendarFeed, Schedule


@dataclass(frozen=True)
class IssuedFeed:
    """A feed's row, and its token, which is not stored and is shown this once."""

    row: CalendarFeed
    token: str


def feed_rotate(*, actor: Actor, user_id: UUID, schedule: Schedule | None) -> IssuedFeed:
    """Makes the person's address of a schedule, or, without one, of their own shifts; the one before dies at once."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        feed_revoke(actor=actor, user_id=user_id, schedule=schedule)
        row = CalendarFeed.objects.create(user_id=user_id, schedule=schedule, token_hash=hash_token(token))
    return IssuedFeed(row, token)


def feed_revoke(*, actor: Actor, user_id: UUID, schedule: Schedule | None) -> None:
    """Ends the person's address, where there is one."""
    for feed in CalendarFeed.objects.select_for_update().filter(user=user_id, schedule=schedule):
        feed.delete()


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True)
class FeedHolder:
    """Whose token it is, and for which schedule; None for the person's own shifts."""

    user_id: UUID
    schedule_id: UUID | None


def find_feed_holder(token: str) -> FeedHolder | None:
    """Works before a scope is open. None when the token is unknown, rotated, or its person has left."""
    with no_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT user_id, schedule_id FROM calendar_feed_holder(%s)", [hash_token(token)])
        row = cursor.fetchone()
    return None if row is None else FeedHolder(*row)

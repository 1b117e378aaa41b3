from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, NotFound
from incident_center.kernel.scope import Actor
from notifications.contacts.kinds import available_contact_kinds
from notifications.models import Channel, Contact, Drill
from organizations.models import Membership, User

Way = TypeVar("Way", Channel, Contact)


def next_drill(every_days: int, now: datetime) -> datetime | None:
    """When the next one is due; None for never."""
    return now + timedelta(days=every_days) if every_days else None


def drills_plan(*, now: datetime) -> list[Drill]:
    """Begins what is due in the open scope's organization, and plans the next of each. Of several workers one does."""
    with transaction.atomic():
        channels = Channel.objects.select_for_update(skip_locked=True, no_key=True).filter(
            next_drill_at__lte=now, enabled=True, removed_at=None
        )
        begun = [Drill(channel=channel, next_look_at=now) for channel in _moved_on(list(channels), now)]
        members = Membership.objects.filter(is_active=True).values("user_id")
        contacts = Contact.objects.select_for_update(skip_locked=True, no_key=True).filter(
            next_drill_at__lte=now, removed_at=None, verified_at__isnull=False, user__in=members
        )
        # What this installation cannot send at all, such as mail without a server, is no news of one person's contact.
        sendable = {kind.name for kind in available_contact_kinds()}
        moved_on = _moved_on(list(contacts), now)
        begun += [Drill(contact=contact, next_look_at=now) for contact in moved_on if contact.kind in sendable]
        # One that is still on its way is not doubled.
        Drill.objects.bulk_create(begun, ignore_conflicts=True)
        return list(Drill.objects.filter(pk__in=[drill.pk for drill in begun]))


def drill_start(*, actor: Actor, channel_id: UUID | None = None, contact: Contact | None = None) -> Drill:
    """A drill now, of a channel or of a contact of the actor's own.

    Raises:
        NotFound: no such channel.
        Conflict: one is on its way, or the channel is switched off.
    """
    channel = None
    if channel_id is not None:
        channel = Channel.objects.filter(pk=channel_id, removed_at=None).first()
        if channel is None:
            raise NotFound()
        if not channel.enabled:
            raise Conflict("The channel is switched off; switch it on for a drill.")
    user = User.objects.filter(pk=actor.user_id).first() if actor.user_id is not None else None
    try:
        with transaction.atomic():
            return Drill.objects.create(channel=channel, contact=contact, started_by=user, next_look_at=timezone.now())
    except IntegrityError as error:
        raise Conflict("A drill is on its way already; wait for what comes of it.") from error


def _moved_on(ways: list[Way], now: datetime) -> list[Way]:
    for way in ways:
        way.next_drill_at = next_drill(way.drill_every_days, now)
        way.save(update_fields=["next_drill_at"])
    return ways

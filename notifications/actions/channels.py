from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from notifications.actions.drill_plan import next_drill
from notifications.actions.routes import route_for_new_channel, routes_forget_channel
from notifications.channels.base import AddressError, ChannelKind
from notifications.channels.egress import EgressRefusedError
from notifications.channels.registry import channel_kind
from notifications.channels.webhook.signing import make_secret
from notifications.models import Channel

MOST_OVERLAP_HOURS = 30 * 24
LONGEST_URL = 2_000
# The values that may be changed, and the column of each.
FIELDS = {
    "name": "name",
    "url": "url",
    "credential": "credential",
    "signing_secret": "secret",
    "drill_every_days": "drill_every_days",
    "enabled": "enabled",
}


@dataclass(frozen=True)
class IssuedChannel:
    """A channel with its signing secret (empty where the kind has none), which is shown this once."""

    channel: Channel
    secret: str


def channel_create(*, actor: Actor, kind: str, values: Mapping[str, Any]) -> IssuedChannel:
    """Makes a channel and the first route to it.

    ``values``: ``name``, ``url``, and ``credential`` where the kind has one; as wished ``signing_secret`` where people
    can answer there, ``enabled``, ``has_route`` (False: no route is made), and what the route says
    (``route_for_new_channel``).

    Raises:
        InvalidInput: a value is missing or wrong, or the address may not be called.
        Conflict: the name is taken.
    """
    chosen = channel_kind(kind)
    secret = make_secret() if chosen.has_secret else ""
    channel = Channel(kind=chosen.name, secret=secret)
    required = {"name": "", "url": "", "credential": ""}
    _apply(channel, {**required, **values}, chosen)
    with transaction.atomic():
        _saved(channel)
        if values.get("has_route", True):
            route_for_new_channel(channel, values)
    return IssuedChannel(channel, secret)


def channel_update(*, actor: Actor, channel_id: UUID, values: Mapping[str, Any]) -> Channel:
    """Changes what ``values`` names, as ``channel_create``. The kind stays.

    Raises:
        NotFound, InvalidInput, Conflict.
    """
    with transaction.atomic():
        channel = _locked(channel_id)
        _apply(channel, values, channel_kind(channel.kind))
        if "drill_every_days" in values:
            channel.save(update_fields=["next_drill_at"])
        # What is not named is not written: a secret is encrypted differently each time, and would look changed.
        return _saved(channel, update_fields=[field for name, field in FIELDS.items() if name in values])


def channel_remove(*, actor: Actor, channel_id: UUID) -> None:
    """Takes the channel out of use and wipes its address and secrets. What it sent stays on record, and what still
    waits fails; routes that led only there go with it.

    Raises:
        NotFound.
    """
    with transaction.atomic():
        channel = _locked(channel_id)
        channel.removed_at = timezone.now()
        channel.enabled = False
        channel.url = channel.credential = channel.secret = channel.previous_secret = ""
        channel.save()
        routes_forget_channel(channel_id)


def channel_rotate_secret(*, actor: Actor, channel_id: UUID, overlap_hours: int = 24) -> IssuedChannel:
    """Makes a new signing secret. For the overlap messages are signed with the former one too; 0 ends it at once.

    Raises:
        NotFound.
        InvalidInput: the overlap is out of range.
        Conflict: the channel's kind signs nothing.
    """
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        raise InvalidInput("overlap_hours", f"Write a number of hours from 0 to {MOST_OVERLAP_HOURS}.")
    with transaction.atomic():
        channel = _locked(channel_id)
        if not channel_kind(channel.kind).has_secret:
            raise Conflict("Messages of this kind of channel are not signed; its address is its credential.")
        channel.previous_secret = channel.secret if overlap_hours else ""
        channel.previous_secret_expires_at = timezone.now() + timedelta(hours=overlap_hours) if overlap_hours else None
        channel.secret = make_secret()
        channel.save(update_fields=["secret", "previous_secret", "previous_secret_expires_at"])
    return IssuedChannel(channel, channel.secret)


def _apply(channel: Channel, values: Mapping[str, Any], kind: ChannelKind) -> None:
    if "name" in values:
        channel.name = values["name"].strip()
        if not channel.name:
            raise InvalidInput("name", "Name the channel after where it leads.")
    if "url" in values:
        channel.url = _checked_address(values["url"].strip(), kind)
    if "credential" in values:
        channel.credential = _checked_credential(values["credential"].strip(), kind)
    if "signing_secret" in values:
        channel.secret = _checked_signing_secret(values["signing_secret"].strip(), kind)
    if "drill_every_days" in values:
        channel.drill_every_days = values["drill_every_days"]
        channel.next_drill_at = next_drill(channel.drill_every_days, timezone.now())
    if "enabled" in values:
        channel.enabled = values["enabled"]


def _checked_address(address: str, kind: ChannelKind) -> str:
    if not address:
        raise InvalidInput("url", f"Write the {kind.address_label.lower()}, such as {kind.address_example}")
    if len(address) > LONGEST_URL:
        raise InvalidInput("url", f"An address has at most {LONGEST_URL:,} characters.")
    try:
        kind.check_address(address)
    except (AddressError, EgressRefusedError) as error:
        raise InvalidInput("url", str(error)) from error
    return address


def _checked_credential(credential: str, kind: ChannelKind) -> str:
    if not kind.credential_label:
        if credential:
            raise InvalidInput("credential", "This kind of channel takes none; its address is all it needs.")
        return ""
    if not credential:
        raise InvalidInput("credential", f"Write the {kind.credential_label.lower()}. {kind.credential_help}")
    if len(credential) > LONGEST_URL or not credential.isascii() or not credential.isprintable():
        raise InvalidInput("credential", f"Write the {kind.credential_label.lower()} as it was given to you.")
    return credential


def _checked_signing_secret(secret: str, kind: ChannelKind) -> str:
    if secret and not kind.signature_label:
        raise InvalidInput("signing_secret", "Nobody can answer through this kind of channel, so it takes none.")
    if len(secret) > LONGEST_URL or not secret.isascii() or not secret.isprintable():
        raise InvalidInput("signing_secret", "Write the signing secret as it was given to you.")
    return secret


def _locked(channel_id: UUID) -> Channel:
    channel = Channel.objects.select_for_update(no_key=True).filter(pk=channel_id, removed_at=None).first()
    if channel is None:
        raise NotFound()
    return channel


def _saved(channel: Channel, update_fields: list[str] | None = None) -> Channel:
    try:
        with transaction.atomic():
            channel.save(update_fields=update_fields)
    except IntegrityError as error:
        raise Conflict(f"There is a channel named “{channel.name}” already.") from error
    return channel

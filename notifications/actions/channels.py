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
from incidents.lifecycle import Severity
from notifications.channels.base import AddressError, ChannelKind
from notifications.channels.egress import EgressRefusedError
from notifications.channels.registry import channel_kind
from notifications.channels.webhook.signing import make_secret
from notifications.models import Channel, default_topics
from notifications.topics import CHANNEL_TOPICS
from organizations.models import Service

MOST_OVERLAP_HOURS = 30 * 24
LONGEST_URL = 2_000
# What callers name, and the model's field for it.
FIELDS = {
    "name": "name",
    "url": "url",
    "credential": "credential",
    "events": "events",
    "minimum_severity": "minimum_severity",
    "service_id": "service",
    "environment": "environment",
    "enabled": "enabled",
}


@dataclass(frozen=True)
class IssuedChannel:
    """A channel with its signing secret (empty where the kind has none), which is shown this once."""

    channel: Channel
    secret: str


def channel_create(*, actor: Actor, kind: str, values: Mapping[str, Any]) -> IssuedChannel:
    """Makes a channel. ``values``: ``name`` and ``url``, and ``credential`` where the kind has one; as wished
    ``events``, ``minimum_severity``, ``service_id`` (a service's public id or None), ``environment``, ``enabled``.

    Raises:
        InvalidInput: a value is missing or wrong, or the address may not be called.
        Conflict: the name is taken.
    """
    chosen = channel_kind(kind)
    secret = make_secret() if chosen.has_secret else ""
    channel = Channel(kind=chosen.name, secret=secret, events=default_topics())
    required = {"name": "", "url": "", "credential": ""}
    _apply(channel, {**required, **values}, chosen)
    return IssuedChannel(_saved(channel), secret)


def channel_update(*, actor: Actor, channel_id: UUID, values: Mapping[str, Any]) -> Channel:
    """Changes what ``values`` names, as ``channel_create``. The kind stays.

    Raises:
        NotFound, InvalidInput, Conflict.
    """
    with transaction.atomic():
        channel = _locked(channel_id)
        _apply(channel, values, channel_kind(channel.kind))
        # What is not named is not written: a secret is encrypted differently each time, and would look changed.
        return _saved(channel, update_fields=[FIELDS[name] for name in values])


def channel_remove(*, actor: Actor, channel_id: UUID) -> None:
    """Takes the channel out of use and wipes its address and secrets. What it sent stays on record, and what still
    waits fails.

    Raises:
        NotFound.
    """
    with transaction.atomic():
        channel = _locked(channel_id)
        channel.removed_at = timezone.now()
        channel.enabled = False
        channel.url = channel.credential = channel.secret = channel.previous_secret = ""
        channel.save()


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
    if "events" in values:
        channel.events = _checked_topics(values["events"])
    if "minimum_severity" in values:
        channel.minimum_severity = _checked_severity(values["minimum_severity"])
    if "service_id" in values:
        channel.service = _service(values["service_id"])
    if "environment" in values:
        channel.environment = values["environment"].strip()
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


def _checked_topics(topics: Any) -> list[str]:
    wanted = set(topics)
    if unknown := sorted(wanted - {topic.value for topic in CHANNEL_TOPICS}):
        known = ", ".join(topic.value for topic in CHANNEL_TOPICS)
        raise InvalidInput("events", f"There is no event {unknown[0]!r}; there are {known}.")
    if not wanted:
        raise InvalidInput("events", "Choose at least one event, or switch the channel off.")
    return [topic.value for topic in CHANNEL_TOPICS if topic.value in wanted]


def _checked_severity(severity: str) -> str:
    if severity not in set(Severity):
        raise InvalidInput("minimum_severity", f"Choose one of {', '.join(Severity)}.")
    return severity


def _service(public_id: UUID | None) -> Service | None:
    if public_id is None:
        return None
    service = Service.objects.filter(public_id=public_id, retired_at=None).first()
    if service is None:
        raise InvalidInput("service", "There is no such service.")
    return service


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

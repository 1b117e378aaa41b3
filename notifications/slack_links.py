"""Where Slack sends what people press: an address that names the channel, and is no secret. The signature is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from notifications.models import Channel

# Of the database's bigint.
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Named:
    organization_id: int
    channel_id: UUID


def interaction_address(channel: Channel) -> str:
    """The “Request URL” for the settings of the channel's app."""
    token = f"{channel.organization_id:x}.{channel.pk.hex}"
    return settings.BASE_URL + reverse("notifications:slack-interaction", args=[token])


def read_token(token: str) -> Named | None:
    organization, _, channel = token.partition(".")
    try:
        named = Named(int(organization, 16), UUID(hex=channel))
    except ValueError:
        return None
    return named if 0 < named.organization_id <= LARGEST_KEY else None

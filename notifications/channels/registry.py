"""Which kinds of channels there are. A new one is a folder beside these and a line here."""

from __future__ import annotations

from incident_center.kernel.api.problems import InvalidInput
from notifications.addresses import masked_url
from notifications.channels.apprise.transport import AppriseKind
from notifications.channels.base import ChannelKind
from notifications.channels.discord.transport import DiscordKind
from notifications.channels.email.transport import EmailKind
from notifications.channels.github.transport import GitHubKind
from notifications.channels.slack.app import SlackAppKind
from notifications.channels.slack.transport import SlackKind
from notifications.channels.teams.transport import TeamsKind
from notifications.channels.webhook.transport import WebhookKind

KINDS: dict[str, ChannelKind] = {
    kind.name: kind
    for kind in (
        SlackKind(),
        SlackAppKind(),
        TeamsKind(),
        DiscordKind(),
        EmailKind(),
        GitHubKind(),
        WebhookKind(),
        AppriseKind(),
    )
}
KIND_CHOICES = [(kind.name, kind.label) for kind in KINDS.values()]


def channel_kind(name: str) -> ChannelKind:
    """Raises InvalidInput for a kind that this installation does not know."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInput("kind", f"There are these kinds of channels: {', '.join(KINDS)}.")
    return kind


def shown_address(kind: str, address: str) -> str:
    """A channel's address as it may be shown, whatever its kind."""
    known = KINDS.get(kind)
    return known.shown_address(address) if known else masked_url(address)

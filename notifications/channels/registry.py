"""Which kinds of channels there are. A new one is a folder beside these and a line here."""

from __future__ import annotations

from incident_center.kernel.api.problems import InvalidInput
from notifications.channels.base import ChannelKind
from notifications.channels.slack.transport import SlackKind
from notifications.channels.webhook.transport import WebhookKind

KINDS: dict[str, ChannelKind] = {kind.name: kind for kind in (SlackKind(), WebhookKind())}
KIND_CHOICES = [(kind.name, kind.label) for kind in KINDS.values()]


def channel_kind(name: str) -> ChannelKind:
    """Raises InvalidInput for a kind that this installation does not know."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInput("kind", f"There are these kinds of channels: {', '.join(KINDS)}.")
    return kind

"""Who can be reached at all. Channels and contact methods belong to ``notifications``, above this app: it registers
what it knows, and until it does everybody counts as reachable.

```
class Contacts:
    def unreachable_people(self, user_ids): return {user_id: "has no verified contact method"}
    ...
reachability.register(Contacts())
```
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID


class Reachability(Protocol):
    """What an escalation asks before it tells people; each call is one or two queries in the open scope."""

    def unreachable_people(self, user_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Those of them whom no message would reach, each with the reason, to follow the name: “has no …”."""
        ...

    def unreachable_channels(self, channel_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Those of them through which nothing would leave, each with the reason: “is switched off”."""
        ...

    def channel_names(self) -> Mapping[UUID, str]:
        """Every channel that a step may name, with what people call it, by name."""
        ...


class Everybody:
    """Nobody has said otherwise: everyone is reachable, and there are no channels."""

    def unreachable_people(self, user_ids: Collection[UUID]) -> Mapping[UUID, str]:
        return {}

    def unreachable_channels(self, channel_ids: Collection[UUID]) -> Mapping[UUID, str]:
        return dict.fromkeys(channel_ids, "is not there any more")

    def channel_names(self) -> Mapping[UUID, str]:
        return {}


_registered: list[Reachability] = [Everybody()]


def register(reachability: Reachability) -> None:
    """Puts what knows contacts and channels in the place of what was there."""
    _registered[0] = reachability


def reachability() -> Reachability:
    return _registered[0]

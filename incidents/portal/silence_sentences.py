"""What the timeline says about silences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from audit.messages import Names

Data = dict[str, Any]
KINDS = {"silence": "silence", "maintenance": "maintenance window"}


def muted(who: str, data: Data, names: Names) -> str:
    by = " and ".join(f"the {KINDS[each['kind']]} “{each['reason']}” of {each['owner']}" for each in data["by"])
    until = datetime.fromisoformat(data["until"]).astimezone(UTC)
    change = " now" if data["was_until"] else ""
    return f"Muted{change} until {until:%d %b %H:%M} UTC by {by}"


def unmuted(who: str, data: Data, names: Names) -> str:
    if data["held"] is None:
        return "Not muted any more; somebody has it"
    return "Not muted any more: what was held back is told now"

"""Ready-made redaction hooks."""

from __future__ import annotations

from typing import Any, Callable

Event = dict[str, Any]
RedactionHook = Callable[[Event], "Event | None"]


def redact_keys(*names: str, replacement: str = "[redacted]") -> RedactionHook:
    """A hook that replaces the value of every metadata key named so (case-insensitive, at any depth)."""
    wanted = {name.lower() for name in names}

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: replacement if key.lower() in wanted else clean(inner) for key, inner in value.items()
            }
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        return value

    def redact(event: Event) -> Event:
        event["metadata"] = clean(event["metadata"])
        return event

    return redact

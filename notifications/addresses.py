"""How a channel's address is shown: enough to recognize it by, without what gives access."""

from __future__ import annotations

from urllib.parse import urlsplit

# A shorter path is hidden whole: its last four characters would be most of it.
SHORTEST_SHOWN = 12


def masked_url(url: str) -> str:
    """``https://hooks.slack.com/services/T0/B0/XXXX`` as ``https://hooks.slack.com/…XXXX``."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    hidden = url.removeprefix(origin)
    if len(hidden) > SHORTEST_SHOWN:
        return f"{origin}/…{hidden[-4:]}"
    return f"{origin}/…" if hidden.strip("/") else origin

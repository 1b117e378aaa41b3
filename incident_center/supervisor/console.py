"""What the operator reads on the terminal."""

from __future__ import annotations

import contextlib


def say(line: str) -> None:
    """Prints one line at once. A terminal that was closed, or a reader that left, is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)

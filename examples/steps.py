"""What a scripted demonstration needs: steps with their times, and patience that ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 30


class DemoFailed(RuntimeError):
    """A step did not come true; the message says which."""


class Steps:
    """Prints each step with the seconds since the beginning."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.is_terminal = sys.stdout.isatty()
        self.last = ""

    def say(self, text: str, detail: str = "") -> None:
        self.last = text
        seconds = f"{time.monotonic() - self.began:7.2f} s"
        mark, quiet, end = ("\033[32m✓\033[0m", "\033[2m", "\033[0m") if self.is_terminal else ("·", "", "")
        print(f"{quiet}{seconds}{end}  {mark} {text}", flush=True)
        for line in detail.splitlines():
            self.note(line)

    def note(self, line: str) -> None:
        quiet, end = ("\033[2m", "\033[0m") if self.is_terminal else ("", "")
        print(f"             {quiet}{line}{end}", flush=True)


def wait_for(what: str, look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What ``look`` finds, asked every 20 ms. Raises DemoFailed when it finds nothing in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise DemoFailed(f"waited {seconds:.0f} s in vain for {what}")

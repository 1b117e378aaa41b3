"""How much memory the servers may plan with."""

from __future__ import annotations

import os
from pathlib import Path

MEBIBYTE = 1024 * 1024

_CONTROL_GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_memory() -> int:
    """The machine's memory in bytes, or the container's limit when that is lower."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CONTROL_GROUP_LIMITS:
        try:
            limit = path.read_text().strip()
        except OSError:
            continue
        if limit.isdigit():
            memory = min(memory, int(limit))
    return memory


def share_of_memory(fraction: float, *, least: int, most: int) -> int:
    """A part of the memory in whole MiB, between two bounds in MiB."""
    return max(least, min(most, int(available_memory() * fraction) // MEBIBYTE))

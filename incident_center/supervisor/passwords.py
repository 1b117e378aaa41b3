"""Generated passwords, kept where only the current user can read them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Writes a file that only the current user may read (0600), whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_or_make(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The passwords kept in a JSON file; missing ones are generated (256 bits, safe in a URL) and added."""
    known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    missing = [name for name in names if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(32) for name in missing}
        write_private(path, json.dumps(known, indent=2) + "\n")
    return known

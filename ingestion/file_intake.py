"""A log file on its way in: entries of several lines, batches, and how far one has come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO

from ingestion.levels import Level
from ingestion.limits import MESSAGE_BYTES
from ingestion.parsers.log_files import PARSERS, FileLine, guess_format

HEAD_BYTES = 4_096
GUESSED_LINES = 100


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of the file, which ends at byte ``end``; ``document`` is what ``POST /v1/ingest`` takes."""

    document: dict[str, Any]
    timestamp: datetime
    end: int
    line: int


def read_entries(
    file: BinaryIO, *, name: str, form: str, zone: tzinfo, level: Level, offset: int, line: int, fallback: datetime
) -> Iterator[FileEntry]:
    """The entries from byte ``offset`` (after line ``line``) on.

    A line that is not of the form continues the entry before it, as a stack trace does. An entry without a time gets
    that of the one before, or ``fallback``. File and line are part of each entry, so that lines that repeat each other
    are not taken for one, and a line that is read twice is.
    """
    parse = PARSERS[form]
    file.seek(offset)
    pending: FileLine | None = None
    began_at, moment = line, fallback

    def entry(read: FileLine, end: int) -> FileEntry:
        document = {
            "timestamp": moment.astimezone(UTC).isoformat(),
            "level": (read.level or level).name,
            "message": read.message.encode()[:MESSAGE_BYTES].decode(errors="ignore").replace("\0", "\ufffd"),
            "metadata": {**read.metadata, "source_file": name, "source_line": began_at},
        }
        return FileEntry(document, moment, end, line)

    for raw in file:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        read = parse(text, zone)
        if read is None and pending is not None:
            pending = FileLine(f"{pending.message}\n{text}", pending.timestamp, pending.level, pending.metadata)
        elif text.strip():
            if pending is not None:
                yield entry(pending, offset)
            pending = read or FileLine(text)
            began_at, moment = line + 1, pending.timestamp or moment
        offset += len(raw)
        line += 1
    if pending is not None:
        yield entry(pending, offset)


def guess(path: Path, zone: tzinfo) -> str:
    with path.open("rb") as file:
        first = [
            line.decode("utf-8", "replace").rstrip("\r\n") for line, _ in zip(file, range(GUESSED_LINES), strict=False)
        ]
    return guess_format(first, zone)


class Bookmark:
    """How far a file was ingested for a service, kept in the installation's state; another file begins anew."""

    def __init__(self, directory: Path, path: Path, owner: str) -> None:
        key = hashlib.sha256(f"{owner}\0{path.resolve()}".encode()).hexdigest()[:32]
        self._place = directory / "ingest-file" / f"{key}.json"
        self._path = path

    def read(self) -> tuple[int, int]:
        """Bytes and lines that are in already."""
        try:
            kept = json.loads(self._place.read_text())
            if kept["head"] == self._head(kept["offset"]) and kept["offset"] <= self._path.stat().st_size:
                return int(kept["offset"]), int(kept["line"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, 0

    def write(self, offset: int, line: int) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._place.with_suffix(".new")
        fresh.write_text(json.dumps({"offset": offset, "line": line, "head": self._head(offset)}))
        fresh.replace(self._place)

    def _head(self, offset: int) -> str:
        """Of the bytes that were there then: a file that has grown is still the same."""
        with self._path.open("rb") as file:
            return hashlib.sha256(file.read(min(HEAD_BYTES, offset))).hexdigest()

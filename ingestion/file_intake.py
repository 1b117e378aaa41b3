"""A log file on its way in: entries of several lines, batches, and how far one has come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
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

    A line that is not of the form continues the entry before it, as a stack trace does; what is beyond the longest
    message is left out. An entry without a time gets that of the one before, or ``fallback``. File and line are part of
    each entry, so that lines that repeat each other are not taken for one, and a line that is read twice is.
    """
    parse = PARSERS[form]
    file.seek(offset)
    pending: FileLine | None = None
    began_at, moment = line, fallback

    def entry(read: FileLine, end: int) -> FileEntry:
        document = {
            "timestamp": moment.isoformat(),
            "level": (read.level or level).name,
            "message": _storable(read.message),
            "metadata": {**read.metadata, "source_file": name, "source_line": began_at},
        }
        return FileEntry(document, moment, end, line)

    for raw in file:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        read = parse(text, zone)
        if read is None and pending is not None:
            if len(pending.message) < MESSAGE_BYTES:
                pending = replace(pending, message=f"{pending.message}\n{text}")
        elif text.strip():
            if pending is not None:
                yield entry(pending, offset)
            pending = read or FileLine(text)
            began_at, moment = line + 1, _in_utc(pending.timestamp) or moment
        offset += len(raw)
        line += 1
    if pending is not None:
        yield entry(pending, offset)


def _in_utc(moment: datetime | None) -> datetime | None:
    """None also for a time at the end of the calendar that no clock in UTC shows."""
    try:
        return moment.astimezone(UTC) if moment is not None else None
    except OverflowError:
        return None


def _storable(message: str) -> str:
    """Cut to the longest message, and without what cannot be stored: U+0000 and, from JSON, lone surrogates."""
    encoded = message.replace("\0", "\ufffd").encode("utf-8", "replace")
    return encoded[:MESSAGE_BYTES].decode("utf-8", "ignore")


def guess(path: Path, zone: tzinfo) -> str:
    with path.open("rb") as file:
        first = [
            line.decode("utf-8", "replace").rstrip("\r\n") for line, _ in zip(file, range(GUESSED_LINES), strict=False)
        ]
    return guess_format(first, zone)


@dataclass(frozen=True, slots=True)
class Place:
    """How far one has come in a file, in bytes and lines, and which times entries without one have: ``began`` at the
    file's beginning, ``moment`` here.
    """

    offset: int
    line: int
    began: datetime
    moment: datetime


class Bookmark:
    """How far a file was ingested for a service, kept in the installation's state; another file begins anew.

    The times are kept too: entries that are read again must get the same, or they would be stored twice.
    """

    def __init__(self, directory: Path, path: Path, owner: str) -> None:
        key = hashlib.sha256(f"{owner}\0{path.resolve()}".encode()).hexdigest()[:32]
        self._place = directory / "ingest-file" / f"{key}.json"
        self._path = path

    def read(self) -> Place:
        """Where the last run ended; the file's beginning, as of when it was last written to, where there was none."""
        try:
            kept = json.loads(self._place.read_text())
            if kept["head"] == self._head(kept["head_bytes"]) and kept["offset"] <= self._path.stat().st_size:
                began, moment = (datetime.fromisoformat(kept[name]) for name in ("began", "moment"))
                return Place(int(kept["offset"]), int(kept["line"]), began, moment)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        written_at = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        return Place(0, 0, written_at, written_at)

    def write(self, place: Place) -> None:
        head_bytes = min(HEAD_BYTES, self._path.stat().st_size)
        kept = {
            "offset": place.offset,
            "line": place.line,
            "began": place.began.isoformat(),
            "moment": place.moment.isoformat(),
            "head_bytes": head_bytes,
            "head": self._head(head_bytes),
        }
        self._place.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._place.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.replace(self._place)

    def _head(self, size: int) -> str:
        """Of the bytes that were there then: a file that has grown is still the same."""
        with self._path.open("rb") as file:
            return hashlib.sha256(file.read(size)).hexdigest()

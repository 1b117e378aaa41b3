"""A bounded, ordered queue of events on disk, for while the server is away.

Layout below the spool directory: one folder (lane) for each process, held by an operating-system lock for as
long as the process lives; a lane whose process has died is taken over by the next one that looks. In a lane,
append-only segments `00000001.jsonl` of one event a line, and `position`, which says how far they have been
replayed.

Durability: an append is one `write`, then one `fsync`. What was appended survives `kill -9` at once and a
power failure when `append` has returned. The position is not synced: after a crash the newest batch may be
replayed twice, and the server skips it by time and content.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from .file_lock import FileLock

SEGMENT_BYTES = 1024 * 1024
_POSITION = "position"
_LOCK = "lock"
_SUFFIX = ".jsonl"


@dataclass(frozen=True)
class Batch:
    """Events at the head of the spool. `damaged` counts unreadable lines that were skipped before the end."""

    events: list[bytes]
    damaged: int
    segment: int
    end: int
    """The offset in `segment` that the position moves to when the batch is done with."""


class Lane:
    """One process's part of the spool. Thread-safe; raises OSError when the disk does."""

    def __init__(self, directory: Path, lock: FileLock, limit: int) -> None:
        self.directory = directory
        self._lock = lock
        self._limit = limit
        self._mutex = threading.Lock()
        self._sizes = {int(path.stem): path.stat().st_size for path in _segments(directory)}
        self._read_segment, self._read_offset = self._load_position()
        # Appending goes on in a new segment: the last line of an old one may be torn.
        self._write_segment = max([self._read_segment, *self._sizes]) + 1
        self._descriptor: int | None = None

    def append(self, events: list[bytes]) -> int:
        """Write events at the end and return how many fitted under the limit. They are durable on return."""
        with self._mutex:
            room = self._limit - sum(self._sizes.values())
            lines: list[bytes] = []
            for event in events:
                room -= len(event) + 1
                if room < 0:
                    break
                lines.append(event + b"\n")
            if lines:
                self._write(b"".join(lines))
            return len(lines)

    def head(self, most_events: int, most_bytes: int) -> Batch | None:
        """The oldest events that are not done with, or None when there are none."""
        with self._mutex:
            while True:
                segment = min(self._sizes, default=None)
                if segment is None:
                    return None
                offset = self._read_offset if segment == self._read_segment else 0
                batch = self._read(segment, offset, most_events, most_bytes)
                if batch.events or batch.damaged:
                    return batch
                # Read to its end; a line without an end is a write that a crash has cut off.
                self._finish_segment(segment)

    def done(self, batch: Batch) -> None:
        """Move the position behind `batch`: it is delivered, or given up."""
        with self._mutex:
            self._read_segment, self._read_offset = batch.segment, batch.end
            if batch.end >= self._sizes.get(batch.segment, 0):
                self._finish_segment(batch.segment)
            else:
                self._save_position()

    def is_empty(self) -> bool:
        """Whether everything appended is done with."""
        with self._mutex:
            return not self._sizes

    def close(self) -> None:
        """Let go of the lane; its events stay for the next process. An empty one is removed."""
        with self._mutex:
            self._close_segment()
            if not self._sizes:
                self._remove()
            self._lock.release()

    def abandon_after_fork(self) -> None:
        """In a forked child: close the copied descriptors and leave the files to the parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        self._lock.abandon_after_fork()

    def _write(self, data: bytes) -> None:
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            raise FileNotFoundError(f"{self._path(self._write_segment)} was removed")
        if self._descriptor is None or self._sizes.get(self._write_segment, 0) >= SEGMENT_BYTES:
            self._close_segment()
            self._write_segment += 1
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._descriptor = os.open(self._path(self._write_segment), flags, 0o600)
            self._sizes[self._write_segment] = 0
        size = self._sizes[self._write_segment]
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fsync(self._descriptor)
        except OSError:
            # Disk full: take back the torn part, so that what follows begins on a line of its own.
            os.ftruncate(self._descriptor, size)
            raise
        self._sizes[self._write_segment] = size + len(data)

    def _read(self, segment: int, offset: int, most_events: int, most_bytes: int) -> Batch:
        events: list[bytes] = []
        damaged = total = 0
        with open(self._path(segment), "rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if events and (len(events) >= most_events or total + len(line) > most_bytes):
                    break
                offset += len(line)
                total += len(line)
                if _is_event(line):
                    events.append(line[:-1])
                else:
                    damaged += 1
        return Batch(events, damaged, segment, offset)

    def _finish_segment(self, segment: int) -> None:
        if segment == self._write_segment:
            self._close_segment()
        self._path(segment).unlink(missing_ok=True)
        self._sizes.pop(segment, None)
        self._read_segment, self._read_offset = segment + 1, 0
        self._save_position()

    def _close_segment(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _path(self, segment: int) -> Path:
        return self.directory / f"{segment:08d}{_SUFFIX}"

    def _load_position(self) -> tuple[int, int]:
        try:
            segment, offset = (self.directory / _POSITION).read_text().split()
            return int(segment), int(offset)
        except (FileNotFoundError, ValueError):
            return 0, 0

    def _save_position(self) -> None:
        temporary = self.directory / f"{_POSITION}.new"
        try:
            temporary.write_text(f"{self._read_segment} {self._read_offset}")
            os.replace(temporary, self.directory / _POSITION)
        except OSError:
            # The disk is full. The position in memory holds; after a crash more than one batch comes twice.
            return

    def _remove(self) -> None:
        try:
            (self.directory / _POSITION).unlink(missing_ok=True)
            (self.directory / _LOCK).unlink(missing_ok=True)
            self.directory.rmdir()
        except OSError:
            # A system that does not remove open files, or a stranger's file in it: an empty lane does no
            # harm.
            return


def claim_lane(directory: Path, limit: int) -> Lane:
    """Take a lane to append to: one left behind by a dead process, else a new one. Raises OSError."""
    while True:
        lane = adopt_lane(directory, limit)
        if lane is None:
            path = directory / f"lane-{os.getpid()}-{os.urandom(4).hex()}"
            path.mkdir(mode=0o700)
            try:
                lane = _lock_lane(path, limit)
            except OSError:
                shutil.rmtree(path, ignore_errors=True)
                raise
        if lane is not None:
            return lane


def adopt_lane(directory: Path, limit: int) -> Lane | None:
    """Take a lane with events whose process has died, or None when there is none. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(directory.glob("lane-*")):
        if _segments(path) and (lane := _lock_lane(path, limit)) is not None:
            return lane
    return None


def _lock_lane(path: Path, limit: int) -> Lane | None:
    try:
        lock = FileLock.acquire(path / _LOCK)
    except FileNotFoundError:
        # Its owner has just emptied and removed it.
        return None
    return Lane(path, lock, limit) if lock is not None else None


def _segments(lane: Path) -> list[Path]:
    return [path for path in lane.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False

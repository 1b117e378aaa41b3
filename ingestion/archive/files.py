"""The form of an archive: JSON lines, compressed with zstd, beside a manifest that says what is in them. No Django.

The manifest is written last, after the lines are on disk: an archive without one is unfinished and counts for nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zstandard

FORMAT = 1
LINES, MANIFEST = ".jsonl.zst", ".json"
_LEVEL = 6
_CHUNK = 1 << 20


class DamagedArchiveError(Exception):
    """The files do not hold what the manifest says, or there is no manifest that can be read."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds. ``sha256`` is of the compressed file, ``content_sha256`` of the lines themselves."""

    format: int
    kind: str
    organization: dict[str, str]
    day: str
    retention_days: int
    rows: int
    file: str
    bytes: int
    sha256: str
    content_sha256: str
    archived_at: str


def write(
    folder: Path,
    name: str,
    lines: Iterable[str],
    *,
    kind: str,
    organization: dict[str, str],
    day: str,
    retention_days: int,
    archived_at: str,
) -> Manifest:
    """Writes ``name.jsonl.zst`` and ``name.json`` in place of what was there, reads the lines back from disk, and only
    then lets the manifest vouch for them.

    Raises:
        OSError: the folder cannot be written to, or is full; nothing half-written is left in place.
        DamagedArchiveError: what was read back is not what was written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target, manifest_path = folder / f"{name}{LINES}", folder / f"{name}{MANIFEST}"
    unfinished = target.with_name(f".{target.name}.unfinished")
    content, rows = hashlib.sha256(), 0
    try:
        with unfinished.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            with zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).stream_writer(
                file, closefd=False
            ) as stream:
                for line in lines:
                    encoded = line.encode() + b"\n"
                    content.update(encoded)
                    stream.write(encoded)
                    rows += 1
            file.flush()
            os.fsync(file.fileno())
        manifest = Manifest(
            format=FORMAT,
            kind=kind,
            organization=organization,
            day=day,
            retention_days=retention_days,
            rows=rows,
            file=target.name,
            bytes=unfinished.stat().st_size,
            sha256=_sha256(unfinished),
            content_sha256=content.hexdigest(),
            archived_at=archived_at,
        )
        manifest_path.unlink(missing_ok=True)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    for _ in read(target, manifest):
        pass
    _write_durably(manifest_path, json.dumps(asdict(manifest), indent=2) + "\n")
    return manifest


def find(folder: Path) -> list[Path]:
    """The manifests of all finished archives under a folder, oldest first."""
    return sorted(folder.rglob(f"*{MANIFEST}"), key=lambda path: (path.name, path.parent))


def read_manifest(path: Path) -> Manifest:
    """Raises DamagedArchiveError when it cannot be read, or is of a later version."""
    try:
        manifest = Manifest(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise DamagedArchiveError(f"{path} is not a manifest: {error}") from error
    if manifest.format != FORMAT:
        raise DamagedArchiveError(f"{path} is of format {manifest.format}; this version reads {FORMAT}")
    return manifest


def read(path: Path, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """The rows. The compressed file's checksum is compared before the first, the lines' own after the last.

    Raises:
        DamagedArchiveError: the file is missing, or not what the manifest vouches for.
    """
    try:
        if _sha256(path) != manifest.sha256:
            raise DamagedArchiveError(f"{path} has another SHA-256 than its manifest says")
        content, rows = hashlib.sha256(), 0
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
            for line in io.BufferedReader(stream, _CHUNK):
                content.update(line)
                rows += 1
                yield json.loads(line)
    except (OSError, zstandard.ZstdError, ValueError) as error:
        raise DamagedArchiveError(f"{path} cannot be read: {error}") from error
    if content.hexdigest() != manifest.content_sha256 or rows != manifest.rows:
        raise DamagedArchiveError(f"{path} holds other lines than its manifest says")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

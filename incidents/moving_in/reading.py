"""Export files: one JSON document, or a folder or ZIP archive of them, as lists of objects by what they are."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from incidents.moving_in.neutral import UnreadableExport

Records = dict[str, list[dict[str, Any]]]
LARGEST_FILE = 50 * 1024 * 1024
#: What API answers wrap their lists in.
WRAPPERS = ("results", "data")


def read_export(path: Path) -> Records:
    """Everything in the files, by its plural name: ``{"schedules": […], "users": […]}``.

    A list is known by the key that holds it, or else by the name of its file or folder.

    Raises:
        UnreadableExport: no such file, no JSON, or too large.
    """
    records: Records = {}
    for name, content in _documents(path):
        try:
            document = json.loads(content)
        except ValueError as error:
            raise UnreadableExport(f"{name} is not JSON: {error}") from error
        _collect(document, PurePosixPath(name), records)
    return records


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        found = sorted(path.rglob("*.json"))
        yield from ((each.relative_to(path).as_posix(), _sized(each.name, each.read_bytes())) for each in found)
    elif not path.is_file():
        raise UnreadableExport(f"There is no file or folder {path}.")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".json") and entry.file_size <= LARGEST_FILE:
                    yield entry.filename, archive.read(entry)
    else:
        yield path.name, _sized(path.name, path.read_bytes())


def _sized(name: str, content: bytes) -> bytes:
    if len(content) > LARGEST_FILE:
        raise UnreadableExport(f"{name} is larger than {LARGEST_FILE // 1024 // 1024} MiB.")
    return content


def _collect(document: Any, name: PurePosixPath, records: Records) -> None:
    if isinstance(document, list):
        _add(records, name.stem, document)
        return
    if not isinstance(document, dict):
        return
    wrapped = next((document[key] for key in WRAPPERS if key in document), None)
    if wrapped is not None:
        _collect_named(wrapped, name, records)
        return
    held = {key: value for key, value in document.items() if _holds_records(key, value)}
    if not held or "id" in document:  # One object by itself: its folder says what it is.
        _collect_named(document, name, records)
        return
    for key, value in held.items():
        inner = value
        if isinstance(value, dict):
            inner = next((value[each] for each in WRAPPERS if each in value), [value])
        _add(records, key if key.endswith("s") else _plural(key), inner)


def _holds_records(key: str, value: Any) -> bool:
    if isinstance(value, dict):
        return any(each in value for each in WRAPPERS) or "id" in value
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _collect_named(content: Any, name: PurePosixPath, records: Records) -> None:
    if isinstance(content, list):
        _add(records, name.stem, content)
    elif isinstance(content, dict):
        _add(records, name.parent.name or name.stem, [content])


def _plural(key: str) -> str:
    return f"{key[:-1]}ies" if key.endswith("y") else f"{key}s"


def _add(records: Records, key: str, found: Iterable[Any]) -> None:
    records.setdefault(key.lower().replace("-", "_"), []).extend(each for each in found if isinstance(each, dict))

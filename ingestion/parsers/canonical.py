"""One spelling for each metadata object, and a 64-bit hash for each log: what deduplication rests on."""

from __future__ import annotations

from typing import Any

import msgspec
import xxhash

from ingestion.limits import METADATA_BYTES, METADATA_DEPTH

_encode = msgspec.json.Encoder(order="deterministic").encode
_hash = xxhash.xxh3_64_intdigest
_SIGN = 1 << 63
_RANGE = 1 << 64

EMPTY = b"{}"


class UnstorableError(ValueError):
    """PostgreSQL's jsonb or our own limits refuse the metadata; the text says why, for its sender."""


def canonical_metadata(metadata: dict[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces: equal objects have equal bytes, in whatever order they were sent.

    Raises:
        UnstorableError: too large, nested too deep, or holding U+0000.
    """
    encoded = _encode(metadata)
    if len(encoded) > METADATA_BYTES:
        raise UnstorableError(f"metadata: {len(encoded)} bytes, more than the {METADATA_BYTES} allowed")
    # Two counts in C decide for nearly every log; only the suspicious ones are walked.
    if encoded.count(b"{") + encoded.count(b"[") > METADATA_DEPTH and depth_of(metadata) > METADATA_DEPTH:
        raise UnstorableError(f"metadata: nested deeper than {METADATA_DEPTH} levels")
    if b"\\u0000" in encoded and holds_nul(metadata):
        raise UnstorableError("metadata: holds the character U+0000, which cannot be stored")
    return encoded


def depth_of(value: Any) -> int:
    """How deep objects and arrays nest: 0 for a scalar, 1 for ``{}``. Iterative, so that depth cannot exhaust
    the stack.
    """
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        current, depth = waiting.pop()
        if isinstance(current, dict):
            children = list(current.values())
        elif isinstance(current, list):
            children = current
        else:
            continue
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in children)
    return deepest


def holds_nul(value: Any) -> bool:
    """Whether a key or a string anywhere inside holds U+0000, which neither text nor jsonb can."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            if "\0" in current:
                return True
        elif isinstance(current, dict):
            waiting.extend(current.keys())
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
    return False


def content_hash(prefix: bytes, level: int, message: bytes, metadata: bytes) -> int:
    """A signed 64-bit xxh3 of a log's content, for a bigint column.

    ``prefix`` holds what identifies the log beside its content (service and timestamp). The message's length
    goes in, so that no two contents are cut differently into the same bytes. Two different logs of one
    service in the same microsecond collide once in 2^64; across services or instants the key differs anyway.
    """
    value = _hash(b"%b\0%d\0%d\0%b%b" % (prefix, level, len(message), message, metadata))
    return value - _RANGE if value & _SIGN else value

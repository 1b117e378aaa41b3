"""Rows packed into PostgreSQL's binary formats by hand.

psycopg adapts value by value, which costs more than PostgreSQL's own work on the row. Here a whole column
becomes one array parameter (for ``unnest``), or a whole batch one COPY stream. The formats: array_send, COPY
"Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection, adapt, pq

from ingestion.parsers.log_entries import LogRow

#: PostgreSQL counts microseconds from 2000-01-01, Unix from 1970-01-01.
POSTGRES_EPOCH = 946_684_800_000_000

_OID_SMALLINT, _OID_BIGINT, _OID_TEXT, _OID_TIMESTAMPTZ, _OID_JSONB = 21, 20, 25, 1184, 3802
_JSONB_VERSION = b"\1"
_array_header = struct.Struct("!iiiii").pack  # dimensions, has nulls, element type, length, lower bound
_length = struct.Struct("!i").pack
_NULL = _length(-1)


class BinaryArray:
    """A parameter that is already in the wire format of its array type."""

    __slots__ = ("data",)
    oid: int = 0

    def __init__(self, data: bytes) -> None:
        self.data = data


class _BinaryArrayDumper(adapt.Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Any) -> bytes:
        return obj.data


def _array_type(name: str, oid: int) -> type[BinaryArray]:
    return type(name, (BinaryArray,), {"__slots__": (), "oid": oid})


BigintArray = _array_type("BigintArray", 1016)
SmallintArray = _array_type("SmallintArray", 1005)
TextArray = _array_type("TextArray", 1009)
TimestampArray = _array_type("TimestampArray", 1185)
JsonbArray = _array_type("JsonbArray", 3807)


def register(connection: Connection[Any]) -> None:
    """Teaches a connection the five array types."""
    for array in (BigintArray, SmallintArray, TextArray, TimestampArray, JsonbArray):
        dumper = type(f"{array.__name__}Dumper", (_BinaryArrayDumper,), {"oid": array.oid})
        connection.adapters.register_dumper(array, dumper)


def columns(rows: Sequence[LogRow]) -> list[BinaryArray]:
    """The rows' seven columns, each as one array, in the order of ``LogRow``."""
    services, timestamps, hashes, levels, messages, metadata, traces = zip(*rows, strict=True)
    return [
        BigintArray(_fixed(_OID_BIGINT, "q", 8, services)),
        TimestampArray(_fixed(_OID_TIMESTAMPTZ, "q", 8, [timestamp - POSTGRES_EPOCH for timestamp in timestamps])),
        BigintArray(_fixed(_OID_BIGINT, "q", 8, hashes)),
        SmallintArray(_fixed(_OID_SMALLINT, "h", 2, levels)),
        TextArray(_texts(messages)),
        JsonbArray(_documents(metadata)),
        TextArray(_optional_texts(traces)),
    ]


def _fixed(oid: int, code: str, width: int, values: Sequence[int]) -> bytes:
    count = len(values)
    flat = [width] * (2 * count)
    flat[1::2] = values
    return _array_header(1, 0, oid, count, 1) + struct.pack("!" + ("i" + code) * count, *flat)


def _texts(values: Sequence[bytes]) -> bytes:
    flat: list[bytes] = [b""] * (2 * len(values))
    flat[0::2] = [_length(len(value)) for value in values]
    flat[1::2] = values
    return _array_header(1, 0, _OID_TEXT, len(values), 1) + b"".join(flat)


def _optional_texts(values: Sequence[bytes | None]) -> bytes:
    parts = [_NULL if value is None else _length(len(value)) + value for value in values]
    return _array_header(1, 1, _OID_TEXT, len(values), 1) + b"".join(parts)


def _documents(values: Sequence[bytes]) -> bytes:
    flat: list[bytes] = [_JSONB_VERSION] * (3 * len(values))
    flat[0::3] = [_length(len(value) + 1) for value in values]
    flat[2::3] = values
    return _array_header(1, 0, _OID_JSONB, len(values), 1) + b"".join(flat)


_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
# Field count, then length and value of the five columns of fixed width, then the length of the message.
_copy_fixed = struct.Struct("!hiqiqiqiqihi").pack
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def copy_stream(rows: Sequence[LogRow], received_at: datetime, *, rows_per_piece: int) -> Iterator[bytes]:
    """The rows as one binary COPY stream: service_id, timestamp, received_at, hash, level, message, metadata,
    trace_id.
    """
    received = (received_at - _EPOCH) // _MICROSECOND
    epoch = POSTGRES_EPOCH
    head, tail = _COPY_HEADER, b""
    for start in range(0, len(rows), rows_per_piece):
        parts = [head]
        extend = parts.extend
        for service_id, timestamp, hash_, level, message, metadata, trace_id in rows[start : start + rows_per_piece]:
            extend(
                (
                    _copy_fixed(8, 8, service_id, 8, timestamp - epoch, 8, received, 8, hash_, 2, level, len(message)),
                    message,
                    _length(len(metadata) + 1),
                    _JSONB_VERSION,
                    metadata,
                    _NULL if trace_id is None else _length(len(trace_id)) + trace_id,
                )
            )
        head = b""
        if start + rows_per_piece >= len(rows):
            tail = _COPY_TRAILER
        parts.append(tail)
        yield b"".join(parts)

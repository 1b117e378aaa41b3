"""A log's public id: its key as an opaque, URL-safe string."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta

from ingestion.logstore.port import LogPosition, LogRecord, StoredLogId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_key = struct.Struct(">qqqh")


def encode_log_id(record: LogRecord | StoredLogId) -> str:
    """36 characters; equal logs have equal ids."""
    microseconds = (record.timestamp - _EPOCH) // timedelta(microseconds=1)
    packed = _key.pack(record.service_id, microseconds, record.hash, record.retention_days)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode_log_id(text: str) -> StoredLogId:
    """The inverse.

    Raises:
        ValueError: the text is not a log's id.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        service_id, microseconds, hash_, retention_days = _key.unpack(packed)
        timestamp = _EPOCH + timedelta(microseconds=microseconds)
    except (binascii.Error, struct.error, OverflowError, ValueError) as error:
        raise ValueError(f"{text[:60]!r} is not the id of a log") from error
    return StoredLogId(service_id, timestamp, hash_, retention_days)


def position_of(log_id: StoredLogId) -> LogPosition:
    return LogPosition(log_id.timestamp, log_id.service_id, log_id.hash)

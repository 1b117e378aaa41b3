"""The matches of a search as CSV or JSON lines, piece by piece, however many there are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import msgspec

from ingestion.log_ids import encode_log_id
from ingestion.logstore.port import LogQuery, LogRecord
from ingestion.models import LogExport
from ingestion.pattern_search import search
from organizations.models import Service

PIECE = 1_000
HEADINGS = ("id", "timestamp", "received_at", "service", "environment", "level", "message", "trace_id", "metadata")
#: What a spreadsheet takes for a formula (OWASP, CSV injection); also behind blanks, which it skips.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_encode = msgspec.json.Encoder().encode

Scope = Callable[[], AbstractContextManager[Any]]


def exported(
    query: LogQuery,
    services: Mapping[int, Service],
    form: LogExport.Form,
    *,
    scope: Scope,
    pattern: UUID | None = None,
) -> Iterator[bytes]:
    """Newest first, in pieces of up to 1,000 logs.

    Args:
        scope: opens the organization's scope anew for each piece; what it raises ends the stream.
    """
    write = _csv if form is LogExport.Form.CSV else _json_lines
    if form is LogExport.Form.CSV:
        yield _csv_line(HEADINGS)
    position = None
    while True:
        with scope():
            found = search(query, pattern=pattern, limit=PIECE, older_than=position, is_patient=True)
        if found:
            yield b"".join(write(record, services[record.service_id]) for record in found)
        if len(found) < PIECE:
            return
        position = found[-1].position


def _json_lines(record: LogRecord, service: Service) -> bytes:
    return _encode(dict(zip(HEADINGS, _values(record, service), strict=True))) + b"\n"


def _csv(record: LogRecord, service: Service) -> bytes:
    *plain, metadata = _values(record, service)
    return _csv_line([*plain, _encode(metadata).decode()])


def _values(record: LogRecord, service: Service) -> list[Any]:
    return [
        encode_log_id(record),
        record.timestamp.isoformat(),
        record.received_at.isoformat(),
        service.name,
        service.environment,
        record.level.name,
        record.message,
        record.trace_id or "",
        record.metadata,
    ]


def _csv_line(values: Any) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([formula_safe(value) for value in values])
    return line.getvalue().encode()


def formula_safe(text: str) -> str:
    """With an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if _FORMULA.match(text) else text

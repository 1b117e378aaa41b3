"""Keyset pages over the log stream, in which a log's own id is the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest

from incident_center.kernel.api.problems import InvalidInput
from ingestion.log_ids import decode_log_id, encode_log_id, position_of
from ingestion.logstore.port import LogPosition, LogQuery, LogRecord
from ingestion.pattern_search import search

DEFAULT_PAGE_SIZE = 100
MAXIMUM_PAGE_SIZE = 1_000
_OLDER, _NEWER = "older.", "newer."


@dataclass(frozen=True, slots=True)
class LogPage:
    """Newest first; the cursors are None where there is nothing further."""

    records: list[LogRecord]
    next_cursor: str | None
    previous_cursor: str | None


def read_page(query: LogQuery, *, cursor: str, page_size: int, pattern: UUID | None = None) -> LogPage:
    """One page of the query's matches, of one pattern where one is given.

    Raises:
        InvalidInput: the cursor is not one that an earlier page gave.
        QueryTooBroadError: the search took too long.
    """
    forward = cursor.startswith(_NEWER)
    position = _position(cursor)
    found = search(
        query,
        pattern=pattern,
        limit=page_size + 1,
        older_than=None if forward else position,
        newer_than=position if forward else None,
    )
    more = len(found) > page_size
    if forward:
        records = found[-page_size:]
        return LogPage(records, _cursor(_OLDER, records, -1), _cursor(_NEWER, records, 0) if more else None)
    records = found[:page_size]
    return LogPage(
        records,
        _cursor(_OLDER, records, -1) if more else None,
        _cursor(_NEWER, records, 0) if position is not None else None,
    )


def page_size_of(request: HttpRequest) -> int:
    text = request.GET.get("page_size", "")
    if not text:
        return DEFAULT_PAGE_SIZE
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 0 < int(text) <= MAXIMUM_PAGE_SIZE:
        raise InvalidInput("page_size", f"A whole number from 1 to {MAXIMUM_PAGE_SIZE}.")
    return int(text)


def page_url(request: HttpRequest, cursor: str | None) -> str | None:
    """The request's own address with another cursor."""
    if cursor is None:
        return None
    parameters = [(name, value) for name, values in request.GET.lists() for value in values if name != "cursor"]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*parameters, ('cursor', cursor)])}")


def _cursor(prefix: str, records: list[LogRecord], place: int) -> str | None:
    return prefix + encode_log_id(records[place]) if records else None


def _position(cursor: str) -> LogPosition | None:
    if not cursor:
        return None
    for prefix in (_OLDER, _NEWER):
        if cursor.startswith(prefix):
            try:
                return position_of(decode_log_id(cursor.removeprefix(prefix)))
            except ValueError:
                break
    raise InvalidInput("cursor", "Take the cursor from next or previous of an earlier page.")

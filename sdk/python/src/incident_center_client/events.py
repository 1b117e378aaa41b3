"""From a `logging.LogRecord` to the event that `POST /v1/ingest` takes."""

from __future__ import annotations

import json
import logging
import traceback
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, Union

from .redaction import Event, RedactionHook
from .safe_json import JsonSanitizer, bounded_text, safe_text
from .tracing import current_trace

# The server takes 64 KiB of message and 32 KiB of metadata; an entry beyond that would become a dead letter.
LONGEST_MESSAGE = 15 * 1024
LONGEST_STACK = 12 * 1024
MOST_METADATA_BYTES = 30 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_REMEMBERED_TIMES = 1024

ExceptionInfo = Union[
    tuple[type[BaseException], BaseException, "TracebackType | None"], tuple[None, None, None], None
]

_STANDARD_ATTRIBUTES = frozenset(
    logging.LogRecord("", 0, "", 0, "", (), None).__dict__.keys() | {"message", "asctime", "taskName"}
)


def level_name(level: int) -> str:
    """Incident Center's level for a numeric level of `logging`; levels in between belong to the one below."""
    if level >= logging.CRITICAL:
        return "FATAL"
    if level >= logging.ERROR:
        return "ERROR"
    if level >= logging.WARNING:
        return "WARN"
    if level >= logging.INFO:
        return "INFO"
    return "DEBUG"


class DistinctTimes:
    """Gives every record of this process its own microsecond.

    The server recognizes a retry by service, time and content. Two equal messages within one tick of the
    clock (15 ms on some systems) are two records, though, so the second one moves on to the next free
    microsecond.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._order: deque[int] = deque()

    def claim(self, created: float) -> int:
        """Microseconds since the epoch for a record made at `created` (seconds since the epoch)."""
        moment = round(created * 1_000_000)
        while moment in self._recent:
            moment += 1
        self._recent.add(moment)
        self._order.append(moment)
        if len(self._order) > _REMEMBERED_TIMES:
            self._recent.discard(self._order.popleft())
        return moment


class EventEncoder:
    """Turns records into encoded events. Not thread-safe: the handler's lock is held around it."""

    def __init__(self, metadata: Mapping[str, Any] | None, redact: RedactionHook | None) -> None:
        self._common = dict(metadata or {})
        self._redact = redact
        self._times = DistinctTimes()

    def encode(self, record: logging.LogRecord) -> bytes | None:
        """The event as one line of JSON, or None when the redaction hook left the record out.

        Raises what the redaction hook raises: a record that could not be redacted must not be sent.
        """
        event: Event = {
            "timestamp": _format_time(self._times.claim(record.created)),
            "level": level_name(record.levelno),
            "message": _message(record),
            "metadata": self._metadata(record),
        }
        if self._redact is not None:
            redacted = self._redact(event)
            if redacted is None:
                return None
            event = redacted
        line = _encode(event)
        if len(line) > MOST_METADATA_BYTES:
            event["metadata"] = _fit(event["metadata"])
            line = _encode(event)
        return line

    def _metadata(self, record: logging.LogRecord) -> dict[str, Any]:
        sanitizer = JsonSanitizer()
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD_ATTRIBUTES}
        # The values given with the record win over the handler's common ones, and both over what is derived.
        metadata: dict[str, Any] = sanitizer.clean({**self._common, **extra})
        derived = {
            "logger": record.name,
            "file": record.pathname,
            "line": record.lineno,
            "function": record.funcName,
            "process": record.process,
            "thread": record.threadName,
        }
        for key, value in derived.items():
            if value is not None:
                metadata.setdefault(key, sanitizer.clean(value))
        _add_trace(metadata)
        if record.exc_info:
            metadata["exception"] = describe_exception(record.exc_info)
        if record.stack_info:
            metadata["stack"] = bounded_text(record.stack_info, LONGEST_STACK)
        return metadata


def describe_exception(exception: ExceptionInfo) -> dict[str, str] | None:
    """`{type, message, stacktrace}` of an `exc_info` tuple, with causes and contexts in the stack trace."""
    if exception is None or exception[0] is None or exception[1] is None:
        return None
    kind, value, trace = exception
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        stacktrace = "".join(traceback.format_exception(kind, value, trace))
    except Exception as error:
        # An exception whose own __str__ fails, for one, breaks the formatting of its traceback on some
        # versions.
        stacktrace = f"traceback could not be formatted: {type(error).__name__}"
    return {
        "type": name,
        "message": safe_text(value),
        "stacktrace": bounded_text(stacktrace, LONGEST_STACK),
    }


def _message(record: logging.LogRecord) -> str:
    try:
        return bounded_text(record.getMessage(), LONGEST_MESSAGE)
    except Exception as error:
        # "%d" with a text, or an argument whose __str__ fails: the record still says where and when.
        note = f"[arguments could not be formatted: {type(error).__name__}]"
        return f"{bounded_text(safe_text(record.msg), LONGEST_MESSAGE)} {note}"


def _add_trace(metadata: dict[str, Any]) -> None:
    """`extra={"trace_id": …}` wins, then `trace_context`, then what OpenTelemetry put on the record."""
    opentelemetry = metadata.get("otelTraceID")
    context = current_trace()
    if "trace_id" in metadata:
        return
    if context is not None:
        metadata["trace_id"] = context.trace_id
        metadata.setdefault("span_id", context.span_id)
    elif isinstance(opentelemetry, str) and opentelemetry.strip("0"):
        metadata["trace_id"] = opentelemetry


def _encode(value: Any) -> bytes:
    # NaN is not JSON: one of them, put in by a hook, would have the server refuse the whole batch.
    return json.dumps(value, separators=(",", ":"), default=safe_text, allow_nan=False).encode("ascii")


def _fit(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata without its largest values, as many as it takes to stay below the server's limit."""
    sizes = {key: len(_encode({key: value})) for key, value in metadata.items()}
    kept = dict(metadata)
    for key in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if sum(sizes.values()) <= MOST_METADATA_BYTES:
            break
        kept[key] = f"[{sizes[key]} bytes left out]"
        sizes[key] = len(_encode({key: kept[key]}))
    return kept


def _format_time(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"

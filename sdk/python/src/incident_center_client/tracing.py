"""The trace that the current request belongs to, and the W3C `traceparent` header that carries it on.

Header format: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

_TRACEPARENT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")


def new_trace_id() -> str:
    """A random trace id: 32 lower-case hexadecimal digits."""
    return secrets.token_hex(16)


def new_span_id() -> str:
    """A random span id: 16 lower-case hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class TraceContext:
    """One place in a distributed trace. `span_id` names the caller's (or our own) unit of work."""

    trace_id: str
    span_id: str = field(default_factory=new_span_id)
    sampled: bool = True


_current: ContextVar[TraceContext | None] = ContextVar("incident_center_trace", default=None)


def current_trace() -> TraceContext | None:
    """The trace context in force in this thread or task, or None."""
    return _current.get()


@contextlib.contextmanager
def trace_context(trace_id: str | TraceContext | None = None) -> Iterator[TraceContext]:
    """Every record logged inside the block carries `trace_id`.

    Takes a trace id, the `TraceContext` of `parse_traceparent`, or None to begin a new trace. The block gets
    a span id of its own, so that `format_traceparent()` names it as the parent of the calls made from it.
    """
    if isinstance(trace_id, TraceContext):
        context = TraceContext(trace_id.trace_id, sampled=trace_id.sampled)
    else:
        context = TraceContext(trace_id or new_trace_id())
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def parse_traceparent(header: str | None) -> TraceContext | None:
    """Read a `traceparent` header. None for a missing or invalid one: the receiver then begins a new trace.

    A later version's header is read by its first four fields, as the specification demands.
    """
    match = _TRACEPARENT.match((header or "").strip())
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest):
        return None
    if trace_id == "0" * 32 or span_id == "0" * 16:
        return None
    return TraceContext(trace_id, span_id, sampled=bool(int(flags, 16) & 1))


def format_traceparent(context: TraceContext | None = None) -> str:
    """The `traceparent` header for a call made now; without a context (given or current) it begins a new
    trace.

    Raises ValueError for a trace id that the header cannot carry (it must be 32 lower-case hexadecimal
    digits).
    """
    context = context or current_trace() or TraceContext(new_trace_id())
    header = f"00-{context.trace_id}-{context.span_id}-{'01' if context.sampled else '00'}"
    if parse_traceparent(header) is None:
        raise ValueError(f"not a W3C trace context: {header}")
    return header

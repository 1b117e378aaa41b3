"""Client of Incident Center: a `logging.Handler` that never slows or breaks the application.

import logging
from incident_center_client import IncidentCenterHandler

logging.basicConfig(level=logging.INFO, handlers=[IncidentCenterHandler(url="https://…", key="ick_…")])
"""

from __future__ import annotations

from ._version import VERSION as __version__
from .backoff import Backoff
from .handler import IncidentCenterHandler
from .redaction import redact_keys
from .statistics import Statistics
from .tracing import (
    TraceContext,
    current_trace,
    format_traceparent,
    new_span_id,
    new_trace_id,
    parse_traceparent,
    trace_context,
)

__all__ = [
    "Backoff",
    "IncidentCenterHandler",
    "Statistics",
    "TraceContext",
    "__version__",
    "current_trace",
    "format_traceparent",
    "new_span_id",
    "new_trace_id",
    "parse_traceparent",
    "redact_keys",
    "trace_context",
]

"""The id of the request being answered, for error bodies and log lines."""

from __future__ import annotations

from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("incident_center_request_id", default="")


def current_request_id() -> str:
    """Empty outside a request."""
    return _request_id.get()


def set_request_id(request_id: str) -> None:
    _request_id.set(request_id)

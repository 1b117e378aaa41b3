"""Logs, and ways to send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from ingestion.logstore.port import LogQuery

NOW = datetime.now(UTC)


def log(index: int = 0, *, at: datetime | None = None, level: str = "ERROR", **fields: Any) -> dict[str, Any]:
    moment = (at or datetime.now(UTC)) - timedelta(milliseconds=index)
    return {
        "timestamp": moment.isoformat(),
        "level": level,
        "message": f"connection refused by payments, attempt {index}",
        "metadata": {"trace_id": f"{index:032x}", "user": index, "http": {"status": 500}},
        **fields,
    }


def body(logs: list[dict[str, Any]]) -> bytes:
    return json.dumps({"logs": logs}).encode()


def post(key: str, content: bytes | dict[str, Any], **headers: str) -> Any:
    """Sends to ``/v1/ingest``; the answer of Django's test client."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    content_type = headers.pop("content_type", "application/json")
    extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return Client(raise_request_exception=False).post(
        "/v1/ingest", data, content_type=content_type, HTTP_X_API_KEY=key, **extra
    )


def everything(*service_ids: int) -> LogQuery:
    """All logs of the services that can exist."""
    now = datetime.now(UTC)
    return LogQuery(service_ids, now - timedelta(days=400), now + timedelta(days=2))

"""Logs, and ways to send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from ingestion.api.ingest_route import IngestRoute
from ingestion.logstore.port import LogQuery
from organizations.keys import authenticate_key

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
    """Sends to ``/v1/ingest``; the answer of Django's test client, or, inside ``through_the_route``, of the route in
    front of Django where that takes the request.
    """
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    content_type = headers.pop("content_type", "application/json")
    if _route.is_open:
        answer = _route.post(key, data, content_type, headers)
        if answer is not None:
            return answer
    extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return Client(raise_request_exception=False).post(
        "/v1/ingest", data, content_type=content_type, HTTP_X_API_KEY=key, **extra
    )


class _Route:
    """The thin route, called as an ASGI server would call it; what it leaves to Django is only counted."""

    def __init__(self) -> None:
        self.is_open = False
        self.taken = self.left = 0

    def post(self, key: str, data: bytes, content_type: str, headers: dict[str, str]) -> Any:
        authenticate_key(key)  # The route takes keys that the process knows.
        sent = [(b"x-api-key", key), (b"content-type", content_type), (b"content-length", str(len(data)))]
        sent += [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
        return self.call([(name, str(value).encode()) for name, value in sent], [data])

    def call(self, headers: list[tuple[bytes, Any]], pieces: list[bytes]) -> Any:
        """The answer to a POST whose body comes in pieces; None where Django would be asked."""
        scope = {"type": "http", "method": "POST", "path": "/v1/ingest", "headers": headers}
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        waiting[-1]["more_body"] = False
        waiting.reverse()
        said: list[Any] = []

        async def receive() -> Any:
            return waiting.pop()

        async def send(message: Any) -> None:
            said.append(message)

        async def otherwise(*_: Any) -> None:
            self.left += 1

        asyncio.run(IngestRoute(otherwise)(scope, receive, send))
        if not said:
            return None
        self.taken += 1
        start, content = said
        answer: Any = HttpResponse(content["body"], status=start["status"])
        for name, value in start["headers"]:
            answer[name.decode()] = value.decode()
        answer.json = lambda: json.loads(answer.content)
        answer.unread = len(waiting)
        return answer


_route = _Route()


@contextmanager
def through_the_route() -> Iterator[_Route]:
    """Inside, ``post`` goes past Django where a server would."""
    _route.is_open, _route.taken, _route.left = True, 0, 0
    try:
        yield _route
    finally:
        _route.is_open = False


def everything(*service_ids: int) -> LogQuery:
    """All logs of the services that can exist."""
    now = datetime.now(UTC)
    return LogQuery(service_ids, now - timedelta(days=400), now + timedelta(days=2))


@contextmanager
def as_owner(owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Django's connection as the maintenance worker has it."""
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "USER", owner.info.user)
        patch.setitem(connection.settings_dict, "PASSWORD", owner.info.password)
        connection.close()
        try:
            yield
        finally:
            connection.close()

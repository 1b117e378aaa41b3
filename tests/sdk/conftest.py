"""A real HTTP server in the test that plays the intake endpoint, and handlers that talk to it."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from incident_center_client import Backoff, IncidentCenterHandler

PATIENCE = 10.0


@dataclass(eq=False)
class Request:
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def logs(self) -> list[dict[str, Any]]:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return list(json.loads(body)["logs"])


@dataclass
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    hold: threading.Event | None = None
    """When given, the answer waits until it is set."""


class IntakeServer:
    """Remembers every request, answers 200 or what `replies` says, can go away and come back on its port."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: deque[Reply] = deque()
        self._good: list[Request] = []
        self.changed = threading.Condition()
        self._connections: dict[int, socket.socket] = {}
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The logs of all requests that were answered 200, in order."""
        return [log for request in self._good for log in request.logs]

    @property
    def messages(self) -> list[str]:
        return [log["message"] for log in self.accepted]

    def start(self) -> None:
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                intake._connections[id(self.connection)] = self.connection

            def finish(self) -> None:
                intake._connections.pop(id(self.connection), None)
                super().finish()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                intake._answer(self, Request({**headers, ":path": self.path}, body, id(self.connection)))

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        self.cut_connections()

    def cut_connections(self) -> None:
        for connection in list(self._connections.values()):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self.changed:
            self.requests.append(request)
            reply = self.replies.popleft() if self.replies else Reply()
            self.changed.notify_all()
        if reply.hold is not None:
            reply.hold.wait(PATIENCE)
        body = reply.body
        if body is None:
            body = (
                {"received": len(request.logs), "duplicates_skipped": 0, "dead_lettered": 0}
                if reply.status == 200
                else {}
            )
        content = json.dumps(body).encode()
        with self.changed:
            if reply.status == 200:
                self._good.append(request)
            self.changed.notify_all()
        handler.send_response(reply.status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **reply.headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def wait_for(self, what: Callable[[], bool], timeout: float = PATIENCE) -> None:
        with self.changed:
            assert self.changed.wait_for(what, timeout), (
                f"not within {timeout} s; {len(self.requests)} requests, messages {self.messages[:20]}"
            )

    def wait_for_messages(self, count: int) -> list[str]:
        self.wait_for(lambda: len(self.messages) >= count)
        return self.messages


class ScriptedBackoff(Backoff):
    """Waits next to nothing and remembers what it was asked."""

    def __init__(self, seconds: float = 0.01) -> None:
        super().__init__()
        self.asked: list[tuple[int, float | None]] = []
        self.seconds = seconds
        self.called = threading.Event()

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        self.asked.append((attempt, retry_after))
        self.called.set()
        return self.seconds


@pytest.fixture
def intake() -> Iterator[IntakeServer]:
    server = IntakeServer()
    yield server
    server.stop()


@pytest.fixture
def backoff() -> ScriptedBackoff:
    return ScriptedBackoff()


@pytest.fixture
def new_handler(intake: IntakeServer, backoff: ScriptedBackoff) -> Iterator[Callable[..., IncidentCenterHandler]]:
    made: list[IncidentCenterHandler] = []

    def new(**settings: Any) -> IncidentCenterHandler:
        settings = {
            "url": intake.url,
            "key": "ick_test",
            "flush_interval": 0.02,
            "backoff": backoff,
            **settings,
        }
        handler = IncidentCenterHandler(**settings)
        made.append(handler)
        return handler

    yield new
    for handler in made:
        handler.close()


@pytest.fixture
def new_logger() -> Iterator[Callable[[logging.Handler], logging.Logger]]:
    made: list[logging.Logger] = []

    def new(handler: logging.Handler) -> logging.Logger:
        logger = logging.getLogger(f"shop.{len(made)}")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(handler)
        made.append(logger)
        return logger

    yield new
    for logger in made:
        logger.handlers.clear()

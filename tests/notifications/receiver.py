"""A real HTTP server on loopback that answers as it is told: fails, stalls, asks for patience, recovers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    was_taken: bool = True


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    # Seconds before the answer, and between the bytes of its body.
    stall: float = 0.0
    drip: float = 0.0
    # Until when nothing is answered at all.
    held_until: threading.Event | None = None

    @property
    def takes(self) -> bool:
        return self.status < 300 and self.held_until is None


class Receiver:
    """Answers with ``answers`` in order, then as ``respond`` says, or with 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        self.respond: Callable[[Received], Answer] = lambda _: Answer()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver._next(Received(self.path, headers, body, self.command))
                time.sleep(answer.stall)
                if answer.held_until is not None:
                    answer.held_until.wait()
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    for byte in answer.body if answer.drip else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(answer.drip)
                    if not answer.drip:
                        self.wfile.write(answer.body)
                except OSError:
                    pass  # The caller hung up, as it may.

            do_GET = do_PATCH = do_POST  # noqa: N815  http.server's names.

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)

    def _next(self, received: Received) -> Answer:
        with self._lock:
            self.received.append(received)
            answer = self.answers.pop(0) if self.answers else self.respond(received)
            received.was_taken = answer.takes
            return answer

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()

"""Django's WSGI application under an ASGI server, in a pool of real threads.

Django's own ASGI handler costs about 3 ms a request, its WSGI handler a tenth of that. What this bridge adds to
it is one hop into a thread and one back:

- The body is read before a thread is taken, so that a slow client occupies memory and never a thread. What large bodies
  may occupy altogether is bounded, beyond that the answer is 503; and so is the time in which one must have come.
- Each request runs in a fresh copy of one prepared context: what a request leaves in a ContextVar, the next one
  does not see, while per-context objects such as the cache's connection pool are made once.
- A streamed answer is produced piece by piece, no faster than the client reads, and ends when the client leaves.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes
from uuid import uuid4

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# How long a thread waits for a client that has stopped reading before it gives the answer up.
SLOWEST_CLIENT_SECONDS = 60.0
FILE_PIECE_BYTES = 256 * 1024
# Within which a body must have come: 12 MiB at 100 KiB a second.
LONGEST_UPLOAD_SECONDS = 120.0
# Bodies up to this size are not counted: the server lets in so many connections only.
SMALL_BODY_BYTES = 64 * 1024
LAST_RESORT = b'{"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "See the log."}'


class ClientGoneError(ConnectionError):
    """The client left, or stopped reading, in the middle of a streamed answer."""


class TooMuchWaitsError(Exception):
    """The bodies that were read and not answered yet take all the memory that is meant for them."""


class FilePieces:
    """``wsgi.file_wrapper``: a file in large pieces, since each piece is a hop between threads."""

    def __init__(self, file: BinaryIO, block_size: int = FILE_PIECE_BYTES) -> None:
        self.file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.file.read(FILE_PIECE_BYTES):
            yield piece


@dataclass
class Answer:
    """What the application has said so far: the head, and either the whole body or the rest of it as pieces."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    rest: Iterable[bytes] | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        """WSGI's ``start_response``."""
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self._write

    def _write(self, data: bytes) -> None:
        self.body += data

    def head(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


@dataclass
class _Body:
    """What has come of a request's body."""

    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    held: int = 0
    """Bytes that are counted; none while it is small."""

    def add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def joined(self) -> bytes:
        """All of it, which is then in one piece only."""
        self.pieces = [self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)]
        return self.pieces[0]


class WsgiBridge:
    """An ASGI application that answers HTTP with a WSGI one.

    Args:
        application: the WSGI application.
        threads: how many requests run at once; the others wait their turn.
        longest_body: bytes of a request's body that are read. A longer one is handed over cut short, with its
            declared length, so that the application can refuse it in its own words.
        most_held: bytes that the bodies of all requests under way may take together.
        prepare: runs once, in the context that every request starts from a copy of.
    """

    def __init__(
        self,
        application: WsgiApplication,
        *,
        threads: int,
        longest_body: int,
        most_held: int = 256 * 1024 * 1024,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._application = application
        self._longest_body = longest_body
        self._bytes_left = most_held
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="request")
        self._context = contextvars.Context()
        self._context.run(prepare)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = _Body()
        try:
            async with asyncio.timeout(LONGEST_UPLOAD_SECONDS):
                is_whole = await self._read(body, receive)
        except TooMuchWaitsError:
            await _refuse(send, 503, "Too many large requests wait. Nothing was stored; send the request again.")
        except TimeoutError:
            await _refuse(send, 408, f"The body did not come within {LONGEST_UPLOAD_SECONDS:g} s. Nothing was stored.")
        else:
            if is_whole:
                await self._respond(scope, body.joined(), receive, send)
        finally:
            self._bytes_left += body.held

    async def _respond(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        environ = build_environ(scope, body)
        context = self._context.copy()
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, context.run, self._answer, environ)
        if answer.rest is None:
            await send(answer.head())
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await self._stream(answer, context, receive, send)

    async def _read(self, body: _Body, receive: Receive) -> bool:
        """False when the client left before its request was complete.

        Raises:
            TooMuchWaitsError: there is no memory left for it.
        """
        more = True
        while more and body.size <= self._longest_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            body.add(message.get("body", b""))
            if body.size > SMALL_BODY_BYTES:
                self._hold(body)
            more = message.get("more_body", False)
        return True

    def _hold(self, body: _Body) -> None:
        more = body.size - body.held
        if more > self._bytes_left:
            raise TooMuchWaitsError
        body.held += more
        self._bytes_left -= more

    def _answer(self, environ: dict[str, Any]) -> Answer:
        """Runs the application; in a thread of the pool."""
        answer = Answer()
        try:
            result = self._application(environ, answer.start)
        except Exception:  # Django answers its views' errors itself; this is one of its own handling.
            logger.exception("no answer could be made to %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return Answer(500, [(b"content-type", b"application/problem+json")], LAST_RESORT)
        # Django's ordinary responses hold their whole body and say so; files and generators come in pieces.
        if getattr(result, "streaming", not isinstance(result, list | tuple)):
            answer.rest = result
            return answer
        try:
            answer.body += b"".join(result)
        finally:
            _close(result)
        return answer

    async def _stream(self, answer: Answer, context: contextvars.Context, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        gone = threading.Event()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        def deliver(message: Message) -> None:
            if gone.is_set():
                raise ClientGoneError("the client has left")
            sending = asyncio.run_coroutine_threadsafe(_awaited(send, message), loop)
            try:
                sending.result(SLOWEST_CLIENT_SECONDS)
            except TimeoutError as error:
                sending.cancel()
                raise ClientGoneError(f"the client read nothing for {SLOWEST_CLIENT_SECONDS:.0f} s") from error

        def produce() -> None:
            assert answer.rest is not None
            try:
                deliver(answer.head())
                for piece in answer.rest:
                    if piece:
                        deliver({"type": "http.response.body", "body": piece, "more_body": True})
                deliver({"type": "http.response.body", "body": b""})
            except ClientGoneError as error:
                logger.info("a streamed answer was given up: %s", error)
            finally:
                _close(answer.rest)

        watcher = loop.create_task(watch())
        try:
            await loop.run_in_executor(self._pool, context.run, produce)
        finally:
            watcher.cancel()


async def _awaited(send: Send, message: Message) -> None:
    await send(message)


async def _refuse(send: Send, status: int, detail: str) -> None:
    """A problem document (RFC 9457) for a request that does not come as far as the application."""
    request_id = str(uuid4())
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"retry-after", b"1"),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({**problem, "request_id": request_id}).encode()})


def _close(result: Any) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        close()


def build_environ(scope: Message, body: bytes) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of an ASGI request whose body has been read.

    Headers with an underscore are dropped: WSGI could not tell ``X_Forwarded_For`` from ``X-Forwarded-For``.
    """
    raw_path = scope.get("raw_path")
    path = (
        unquote_to_bytes(raw_path.partition(b"?")[0]) if raw_path else scope["path"].encode("utf-8", "surrogateescape")
    )
    server = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FilePieces,
    }
    if client := scope.get("client"):
        environ["REMOTE_ADDR"] = client[0]
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name = _variable(raw_name)
        value = raw_value.decode("latin-1")
        if name in environ:
            value = environ[name] + (";" if name == "HTTP_COOKIE" else ",") + value
        environ[name] = value
    if body and "CONTENT_LENGTH" not in environ:  # Sent in chunks: WSGI would take it for no body at all.
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


_variables: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
MOST_VARIABLES = 500


def _variable(name: bytes) -> str:
    variable = _variables.get(name)
    if variable is None:
        lower = name.lower()
        variable = _variables.get(lower) or "HTTP_" + lower.decode("latin-1").upper().replace("-", "_")
        if len(_variables) < MOST_VARIABLES:  # Clients invent names; the ordinary ones come first.
            _variables[name] = variable
    return variable

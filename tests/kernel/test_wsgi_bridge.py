"""The bridge between the ASGI server and Django's WSGI application."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import pytest

from incident_center.kernel import wsgi_bridge
from incident_center.kernel.wsgi_bridge import WsgiBridge, build_environ

leak: ContextVar[str] = ContextVar("leak", default="clean")


def scope(path: str = "/", headers: Iterable[tuple[bytes, bytes]] = (), **members: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"a=%C3%A9",
        "http_version": "1.1",
        "scheme": "http",
        "headers": list(headers),
        "client": ("192.0.2.7", 4711),
        "server": ("localhost", 8000),
        **members,
    }


async def call(bridge: WsgiBridge, *messages: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    """One request; the client stays connected after its last message."""
    waiting = list(messages or [{"type": "http.request", "body": b"", "more_body": False}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await bridge(scope(**members), receive, send)
    return sent


def bridge_to(application: Any, **options: Any) -> WsgiBridge:
    return WsgiBridge(application, **{"threads": 8, "longest_body": 1_000, **options})


def ordinary(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("X-Length", environ.get("CONTENT_LENGTH", "none")), ("Set-Cookie", "a=1")])
    return [body]


def test_an_ordinary_answer():
    sent = asyncio.run(
        call(
            bridge_to(ordinary),
            {"type": "http.request", "body": b"ab", "more_body": True},
            {"type": "http.request", "body": b"c", "more_body": False},
        )
    )
    assert sent == [
        {"type": "http.response.start", "status": 201, "headers": [(b"x-length", b"3"), (b"set-cookie", b"a=1")]},
        {"type": "http.response.body", "body": b"abc"},
    ]


def test_requests_run_at_the_same_time():
    barrier = threading.Barrier(5)

    def waits_for_the_others(environ: Any, start_response: Any) -> list[bytes]:
        barrier.wait(timeout=5)
        start_response("200 OK", [])
        return [b"met"]

    async def five() -> list[Any]:
        bridge = bridge_to(waits_for_the_others)
        return await asyncio.gather(*(call(bridge) for _ in range(5)))

    assert [sent[1]["body"] for sent in asyncio.run(five())] == [b"met"] * 5


def test_what_a_request_leaves_in_a_context_is_gone_for_the_next():
    def leaves_something(environ: Any, start_response: Any) -> list[bytes]:
        found = leak.get()
        leak.set("dirty")
        start_response("200 OK", [])
        return [found.encode()]

    async def two() -> list[bytes]:
        bridge = bridge_to(leaves_something, threads=1)
        return [(await call(bridge))[1]["body"] for _ in range(2)]

    assert asyncio.run(two()) == [b"clean", b"clean"]


def test_what_is_prepared_is_there_for_each_request():
    def reads(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [leak.get().encode()]

    bridge = bridge_to(reads, prepare=lambda: leak.set("prepared") and None)
    assert asyncio.run(call(bridge))[1]["body"] == b"prepared"
    assert leak.get() == "clean"


class Streamed:
    """As Django's streaming response: pieces, and a close that ends the request."""

    streaming = True

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces
        self.closed = threading.Event()

    def __iter__(self) -> Any:
        return iter(self.pieces)

    def close(self) -> None:
        self.closed.set()


def streaming(response: Streamed) -> Any:
    def application(environ: Any, start_response: Any) -> Streamed:
        leak.set("view")
        start_response("200 OK", [])
        return response

    return application


def test_a_streamed_answer_comes_in_pieces_in_the_views_context():
    def pieces() -> Iterable[bytes]:
        for number in range(3):
            yield f"{number} {leak.get()}".encode()

    response = Streamed(pieces())
    sent = asyncio.run(call(bridge_to(streaming(response))))
    assert [message.get("body") for message in sent] == [None, b"0 view", b"1 view", b"2 view", b""]
    assert response.closed.is_set()


def test_a_client_that_leaves_ends_the_stream():
    def endless() -> Iterable[bytes]:
        while True:
            time.sleep(0.01)
            yield b"x"

    response = Streamed(endless())

    async def leave() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.sleep(0.2)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pass

        await asyncio.wait_for(bridge_to(streaming(response))(scope(), receive, send), 5)

    asyncio.run(leave())
    assert response.closed.is_set()


def test_a_client_that_reads_nothing_ends_the_stream(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wsgi_bridge, "SLOWEST_CLIENT_SECONDS", 0.1)
    response = Streamed([b"x"] * 3)

    async def stuck() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else await asyncio.sleep(3600, {})

        async def send(message: Any) -> None:
            await asyncio.sleep(3600)

        await asyncio.wait_for(bridge_to(streaming(response))(scope(), receive, send), 5)

    asyncio.run(stuck())
    assert response.closed.is_set()


def test_a_client_that_leaves_before_its_request_is_complete_costs_no_thread():
    called = []
    bridge = bridge_to(lambda *arguments: called.append(arguments))
    sent = asyncio.run(
        call(bridge, {"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"})
    )
    assert sent == [] and called == []


def test_a_body_beyond_the_bound_is_handed_over_cut_short():
    piece = {"type": "http.request", "body": b"x" * 400, "more_body": True}
    sent = asyncio.run(call(bridge_to(ordinary), *[piece] * 10, headers=[(b"content-length", b"4000")]))
    assert len(sent[1]["body"]) == 1_200
    assert sent[0]["headers"][0] == (b"x-length", b"4000"), "the declared length tells the application"


def test_an_error_past_django_is_a_500():
    def broken(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError

    assert asyncio.run(call(bridge_to(broken)))[0]["status"] == 500


def test_the_environment():
    environ = build_environ(
        scope(
            "/caf\u00e9",
            [
                (b"host", b"example.com"),
                (b"content-type", b"application/json"),
                (b"x-forwarded-for", b"1.1.1.1"),
                (b"X-Forwarded-For", b"2.2.2.2"),
                (b"cookie", b"a=1"),
                (b"cookie", b"b=2"),
                (b"x_api_key", b"smuggled"),
            ],
        ),
        b"body",
    )
    assert environ["PATH_INFO"] == "/caf\u00e9".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "a=%C3%A9"
    assert environ["HTTP_HOST"] == "example.com"
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"
    assert environ["HTTP_COOKIE"] == "a=1;b=2"
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert "HTTP_X_API_KEY" not in environ, "a header with an underscore could pass for another"


def test_files_are_read_in_large_pieces(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(b"x" * 600_000)

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](path.open("rb"), 4096)

    sent = asyncio.run(call(bridge_to(application)))
    assert [len(message.get("body", b"")) for message in sent[1:]] == [262_144, 262_144, 75_712, 0]


def test_large_bodies_take_so_much_memory_and_no_more():
    gate = threading.Event()

    def waits(environ: Any, start_response: Any) -> list[bytes]:
        gate.wait(5)
        return ordinary(environ, start_response)

    bridge = bridge_to(waits, longest_body=1_000_000, most_held=200_000)

    def sent(size: int) -> Any:
        return call(bridge, {"type": "http.request", "body": b"x" * size, "more_body": False})

    async def run() -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        first = asyncio.create_task(sent(150_000))
        await asyncio.sleep(0)
        refused = await sent(100_000)
        small = asyncio.create_task(sent(1_000))
        await asyncio.sleep(0)
        gate.set()
        return await first, refused, await small, await sent(200_000)

    first, refused, small, after = asyncio.run(run())
    assert [answer[0]["status"] for answer in (first, refused, small, after)] == [201, 503, 201, 201]
    headers = dict(refused[0]["headers"])
    assert (headers[b"content-type"], headers[b"retry-after"]) == (b"application/problem+json", b"1")
    assert json.loads(refused[1]["body"])["request_id"] == headers[b"x-request-id"].decode()


def test_a_body_that_never_comes_whole_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wsgi_bridge, "LONGEST_UPLOAD_SECONDS", 0.05)
    bridge = bridge_to(ordinary, longest_body=1_000_000, most_held=200_000)
    half = {"type": "http.request", "body": b"x" * 150_000, "more_body": True}
    assert asyncio.run(call(bridge, half))[0]["status"] == 408
    assert asyncio.run(call(bridge, half, {**half, "body": b"", "more_body": False}))[0]["status"] == 201

"""The product's WSGI application behind a real socket, for clients that only speak HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  The base class's name for it.
        pass


@contextmanager
def web_server() -> Iterator[str]:
    """Its base URL. Serves from the database that the test is in, which has to be one with real commits."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    server = make_server("127.0.0.1", 0, _closing(application), server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _closing(application: Any) -> Any:
    """Each request has a thread of its own here, whose database connection nobody else would close."""
    from django.db import connections

    def serve(environment: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        answer = application(environment, start_response)
        try:
            yield from answer
        finally:
            answer.close()
            connections.close_all()

    return serve

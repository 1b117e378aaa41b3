"""What the two example services share: a small HTTP server that logs through the product's own handler."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sdk/python/src"))

from incident_center_client import IncidentCenterHandler, format_traceparent, parse_traceparent, trace_context

__all__ = ["Answer", "format_traceparent", "make_logger", "parse_arguments", "serve"]

Answer = tuple[int, dict[str, Any]]


def parse_arguments(description: str, *extra: str) -> argparse.Namespace:
    """Addresses come as options; the key comes by INCIDENT_CENTER_KEY, so that no process list shows it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--incident-center", required=True, help="where Incident Center listens")
    for option in extra:
        parser.add_argument(option, required=True)
    return parser.parse_args()


def make_logger(name: str, incident_center: str, key: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(IncidentCenterHandler(incident_center, key, flush_interval=0.2))
    return logger


def serve(port: int, answer: Callable[[str], Answer]) -> None:
    """Answers each POST with ``answer(path)``, inside the trace that the caller began, until SIGTERM.

    SIGTERM ends the interpreter in order, so that the handler sends the last records.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with trace_context(parse_traceparent(self.headers.get("traceparent"))):
                status, body = answer(self.path)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """The services log what they do, not that they were asked."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    server.serve_forever()

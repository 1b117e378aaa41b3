"""A customer's webhook endpoint: checks each message's signature as Standard Webhooks describes, and remembers it.

``python -m examples.receiver --port 9000 --secret whsec_…`` prints what arrives.

https://www.standardwebhooks.com: the signature is ``v1,`` + base64(HMAC-SHA256(secret, "id.timestamp.body")).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A message, with the time of its arrival (seconds since 1970) and whether its signature holds."""

    message_id: str
    at: float
    genuine: bool
    payload: dict[str, Any]


class Receiver:
    """Listens on a loopback port (0: a free one) from ``start()`` on. Set ``secret`` once the channel has shown it.

    ``tell`` is called with each message, in the thread of its request.
    """

    def __init__(self, port: int = 0, secret: str = "", tell: Callable[[Received], None] | None = None) -> None:
        self.secret = secret
        self.messages: list[Received] = []
        self.arrived = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                message_id = self.headers.get("webhook-id", "")
                genuine = outer.is_genuine(
                    message_id,
                    self.headers.get("webhook-timestamp", ""),
                    body,
                    self.headers.get("webhook-signature", ""),
                )
                self.send_response(204 if genuine else 401)
                self.end_headers()
                received = Received(message_id, at, genuine, json.loads(body))
                with outer.arrived:
                    outer.messages.append(received)
                    outer.arrived.notify_all()
                if tell is not None:
                    tell(received)

            def log_message(self, *_: object) -> None:
                """The demo prints what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/incident-center"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def is_genuine(self, message_id: str, timestamp: str, body: bytes, signatures: str) -> bool:
        """Whether one of the space-separated signatures is ours and not older than five minutes."""
        if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(wanted, one) for one in signatures.split())

    def wait_for(self, kind: str, seconds: float) -> Received | None:
        """The first message about ``kind`` ("opened", …), or None when none came in time."""

        def found() -> Received | None:
            return next((one for one in self.messages if kind in str(one.payload.get("type", ""))), None)

        with self.arrived:
            self.arrived.wait_for(lambda: found() is not None, seconds)
            return found()


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the webhooks that arrive, and whether they are genuine.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret", required=True, help="the channel's signing secret (whsec_…)")
    options = parser.parse_args()

    def tell(message: Received) -> None:
        clock = datetime.fromtimestamp(message.at).astimezone().isoformat(timespec="milliseconds")
        verdict = "genuine" if message.genuine else "NOT GENUINE"
        print(f"{clock}  {message.message_id}  {verdict}\n{json.dumps(message.payload, indent=2)}", flush=True)

    receiver = Receiver(options.port, options.secret, tell)
    receiver.start()
    print(f"listening on {receiver.url}; Ctrl-C ends it", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()

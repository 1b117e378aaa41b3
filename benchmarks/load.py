"""The client's side of a measurement, in a process of its own: ``python -m benchmarks.load PORT CONNECTIONS FILE
[SECONDS]``. After so many seconds it begins no further request.

The file holds whole HTTP requests, each after its length in four bytes. They are sent over the connections, one at a
time on each, by one epoll loop, which takes about 30 µs of processor a request. Prints JSON: seconds, and the
milliseconds of each request. Ends with an error at the first answer that is neither 200 nor 202.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def requests_of(path: Path) -> Iterator[memoryview]:
    content = memoryview(path.read_bytes())
    position = 0
    while position < len(content):
        (size,) = struct.unpack_from("!I", content, position)
        yield content[position + 4 : position + 4 + size]
        position += 4 + size


class Connection:
    """One request at a time over one socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.started = 0.0
        self._rest = memoryview(b"")
        self._answer = b""

    def send(self, request: memoryview) -> bool:
        """Whether all of it went out; otherwise ``go_on`` when the socket takes more."""
        self.started, self._rest, self._answer = time.perf_counter(), request, b""
        return self.go_on()

    def go_on(self) -> bool:
        try:
            while self._rest:
                self._rest = self._rest[self.socket.send(self._rest) :]
        except BlockingIOError:
            return False
        return True

    def is_answered(self) -> bool:
        piece = self.socket.recv(65536)
        self._answer += piece
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not piece:
            raise ConnectionError(f"the server closed the connection after {self._answer[:300]!r}")
        if not blank:
            return False
        length = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        if len(body) < length:
            return False
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
            raise ConnectionError(f"neither 200 nor 202: {self._answer[:600]!r}")
        return True


def run(port: int, connections: int, path: Path, seconds: float) -> dict[str, object]:
    waiting = requests_of(path)
    poll = select.epoll()
    open_ = {}
    for _ in range(connections):
        connection = Connection(port)
        open_[connection.socket.fileno()] = connection
    milliseconds: list[float] = []
    began = time.perf_counter()
    busy = 0
    for number, connection in open_.items():
        request = next(waiting, None)
        if request is None:
            break
        busy += 1
        sent = connection.send(request)
        poll.register(number, select.EPOLLIN | (0 if sent else select.EPOLLOUT))
    while busy:
        for number, event in poll.poll():
            connection = open_[number]
            if event & select.EPOLLOUT and connection.go_on():
                poll.modify(number, select.EPOLLIN)
            if not event & select.EPOLLIN or not connection.is_answered():
                continue
            milliseconds.append((time.perf_counter() - connection.started) * 1_000)
            request = next(waiting, None) if time.perf_counter() - began < seconds else None
            if request is None:
                busy -= 1
            elif not connection.send(request):
                poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
    return {"seconds": time.perf_counter() - began, "milliseconds": milliseconds}


if __name__ == "__main__":
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else math.inf
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), limit)))

"""The web process as it is started: role check, requests, live connections, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.servers import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(port: int, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "incident_center.serve", "--port", str(port), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def server(committed_database: str) -> Iterator[int]:
    port = free_port()
    process = serve(port)
    try:
        wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not come up")


def test_it_serves_pages_and_live_connections_and_ends_cleanly(server: int):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{server}/v1/channels")
    assert refused.value.code == 401
    assert refused.value.headers["Content-Type"] == "application/problem+json"
    with socket.create_connection(("127.0.0.1", server), timeout=5) as web_socket:
        web_socket.sendall(
            b"GET /live/incidents HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        received = b""
        while (piece := web_socket.recv(4096)) and b"\x88\x02" not in received:
            received += piece
    assert received.startswith(b"HTTP/1.1 101")
    assert received.partition(b"\r\n\r\n")[2][2:4] == (4401).to_bytes(2), "closed for want of a credential"


def test_a_chunked_body_arrives(server: int):
    with socket.create_connection(("127.0.0.1", server), timeout=5) as client:
        pieces = [b'{"email": "a@example.com", ', b'"password": "not this one"}']
        client.sendall(
            b"POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        )
        received = b""
        while piece := client.recv(4096):
            received += piece
    assert b" 401 " in received.splitlines()[0], received[:300]


def test_it_refuses_a_role_that_the_wall_does_not_hold(committed_database: str):
    process = serve(free_port(), DATABASE_AS="owner")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Refused to start: the database role 'incident_center_owner' owns the database" in errors
    assert "Traceback" not in errors


def test_several_processes_share_their_metrics(committed_database: str, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    (directory / "counter_999999999.db").write_bytes(b"left behind")
    port = free_port()
    process = serve(port, "--workers", "2", PROMETHEUS_MULTIPROC_DIR=str(directory))
    try:
        wait_for(port)
        assert not (directory / "counter_999999999.db").exists()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

"""The two example services, as real processes, against a server that plays the intake endpoint."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sdk.conftest import IntakeServer

ROOT = Path(__file__).parents[2]
TRACE = "0af7651916cd43dd8448eb211c80319c"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def intake() -> Iterator[IntakeServer]:
    server = IntakeServer()
    yield server
    server.stop()


@pytest.fixture
def ports() -> dict[str, int]:
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in ("checkout", "payments")}
    ports = {name: probe.getsockname()[1] for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports


@pytest.fixture
def start(intake: IntakeServer, ports: dict[str, int]) -> Iterator[Start]:
    processes = []

    def start(name: str, *options: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            f"examples.{name}",
            "--port",
            str(ports[name]),
            "--incident-center",
            intake.url,
        ]
        process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env={**os.environ, "INCIDENT_CENTER_KEY": f"ick_{name}"},
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening"), "it says when it can be called"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def order(ports: dict[str, int]) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports['checkout']}/orders/7", b"{}", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_an_order_is_one_trace_and_its_failure_an_error_with_its_exception(
    intake: IntakeServer, ports: dict[str, int], start: Start
) -> None:
    payments = start("payments")
    start("checkout", "--payments", f"http://127.0.0.1:{ports['payments']}")
    assert order(ports) == 200
    intake.wait_for_messages(2)
    keys = {request.headers["x-api-key"] for request in intake.requests}
    assert keys == {"ick_checkout", "ick_payments"}
    assert {log["metadata"]["trace_id"] for log in intake.accepted} == {TRACE}
    payments.send_signal(signal.SIGTERM)
    assert payments.wait(10) == 0
    assert order(ports) == 502
    intake.wait_for_messages(3)
    error = intake.accepted[-1]
    assert (error["level"], error["message"]) == ("ERROR", "payment failed for order 7")
    assert error["metadata"]["trace_id"] == TRACE
    assert "Connection refused" in error["metadata"]["exception"]["message"]


def test_the_last_log_before_sigterm_arrives(intake: IntakeServer, ports: dict[str, int], start: Start) -> None:
    payments = start("payments")
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['payments']}/charge/9", b"{}", timeout=10):
        pass
    payments.send_signal(signal.SIGTERM)
    assert payments.wait(10) == 0
    assert intake.messages[-1].endswith("for order 9")

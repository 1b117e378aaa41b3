"""A whole installation, as an operator meets it on the terminal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import IO

import pytest

from incident_center.environment import read_state_file
from incident_center.supervisor.identity import temporary_server_folder
from incident_center.supervisor.state import CHECKOUT
from incident_center.supervisor.supervisor import unreadiness
from incident_center.supervisor.valkey import free_port

pytestmark = pytest.mark.servers

GIVEN_BY_THE_TEST_RUN = (
    *("DATABASE_URL", "OWNER_DATABASE_URL", "TEST_SUPERUSER_URL", "REDIS_URL"),
    *("STATE_DIR", "BASE_URL", "SECRET_KEY", "DATABASE_AS", "PROMETHEUS_MULTIPROC_DIR"),
)


def start(state: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in GIVEN_BY_THE_TEST_RUN}
    return subprocess.Popen(
        [sys.executable, "-m", "incident_center.supervisor", "start", "--port", str(port), "--state", str(state)],
        cwd=CHECKOUT,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Installation:
    """A running ``script/start`` and what it has printed so far."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        # With host names of the operator's own, by which it does not ask itself whether it is ready.
        self.process = start(state, self.port, ALLOWED_HOSTS="incidents.example.com")
        self.lines: list[str] = []
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def _read(self, output: IO[str]) -> None:
        self.lines.extend(line.rstrip() for line in iter(output.readline, ""))

    def pid(self, name: str) -> int:
        """Of a process that runs; 0 for one that is just being started again."""
        pids: dict[str, int] = json.loads((self.state / "pids.json").read_text())
        return pids.get(name, 0)

    def readiness(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            return 0


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = temporary_server_folder()
    running = Installation(folder / "state")
    ready = f"ready http://localhost:{running.port}"
    assert eventually(lambda: ready in running.lines or running.process.poll() is not None, 150)
    assert ready in running.lines, "\n".join(running.lines)
    yield running
    running.process.kill()
    running.process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def test_readiness_is_asked_by_a_name_that_is_always_answered() -> None:
    asked: list[str] = []

    class Web(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert unreadiness(f"http://127.0.0.1:{server.server_port}/readyz") is None
    assert asked == ["localhost"]


def test_commands_beside_it_find_their_addresses(installation: Installation) -> None:
    assert stat.S_IMODE((installation.state / "env").stat().st_mode) == 0o600
    found = read_state_file(installation.state)
    assert found["BASE_URL"] == f"http://localhost:{installation.port}"
    assert "incident_center_runtime" in found["DATABASE_URL"]
    assert "incident_center_owner" in found["OWNER_DATABASE_URL"]
    assert found["REDIS_URL"].startswith("redis://")


def test_only_maintenance_is_given_the_owners_address(installation: Installation) -> None:
    for name, is_owner in [("web", False), ("worker", False), ("beat", False), ("maintenance", True)]:
        assert eventually(lambda name=name: name in json.loads((installation.state / "pids.json").read_text()))
        environment = Path(f"/proc/{installation.pid(name)}/environ").read_bytes()
        assert (b"OWNER_DATABASE_URL=" in environment) is is_owner, name
        assert b"postgres:" not in environment, "the superuser's address"


def test_metrics_tell_what_workers_found(installation: Installation) -> None:
    def told() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{installation.port}/metrics", timeout=5) as answer:
            return b"incident_time_to_resolve_seconds{" in answer.read()

    assert eventually(told), "a worker sets it, and the web process tells it"


def test_a_second_start_on_the_same_state_names_the_first(installation: Installation) -> None:
    second = start(installation.state, free_port())
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"(pid {installation.process.pid})" in output


def test_a_taken_port_is_named_with_the_way_out(installation: Installation, tmp_path: Path) -> None:
    second = start(tmp_path / "state", installation.port)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"Port {installation.port} " in output and "--port" in output


def test_runtime_address_without_owner_is_refused_with_the_way_out(installation: Installation, tmp_path: Path) -> None:
    runtime = read_state_file(installation.state)["DATABASE_URL"]
    second = start(tmp_path / "state", free_port(), DATABASE_URL=runtime)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "OWNER_DATABASE_URL" in output and "init.sql" in output


@pytest.mark.parametrize("name", ["valkey", "postgres", "worker", "web"])
def test_what_is_killed_is_started_again(installation: Installation, name: str) -> None:
    assert eventually(lambda: installation.pid(name) != 0), "number 0 would be our own process group"
    before = installation.pid(name)
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: installation.pid(name) not in (0, before))
    assert eventually(lambda: installation.readiness() == 200)
    assert any(line.startswith(f"{name} ended (killed by SIGKILL)") for line in installation.lines)


def test_ctrl_c_stops_everything_and_keeps_the_data(installation: Installation) -> None:
    pids = json.loads((installation.state / "pids.json").read_text())
    began = time.monotonic()
    installation.process.send_signal(signal.SIGINT)
    assert installation.process.wait(30) == 0
    assert time.monotonic() - began < 15
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert not (installation.state / "env").exists()
    assert (installation.state / "postgres/data/PG_VERSION").exists()

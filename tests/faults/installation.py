"""A whole installation under the tests: started by ``script/start``'s own supervisor, spoken to over HTTP only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120
RECOVERY_SECONDS = 60


class Installation:
    """Starts the product in a state folder of its own and stops it again."""

    def __init__(self, state: Path, environment: dict[str, str] | None = None) -> None:
        self.state = state
        self.base_url = ""
        self._environment = environment or {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Installation:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "SECRET_KEY", "BASE_URL", "STATE_DIR")
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "incident_center.supervisor", "start", "--port", "0", "--state", str(self.state)],
            cwd=ROOT,
            env={**inherited, "EGRESS_ALLOW_PRIVATE": "1", **self._environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait_for_ready_line()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def _wait_for_ready_line(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.startswith("ready "):
                self.base_url = line.split()[1]
                break
        watchdog.cancel()
        if not self.base_url:
            raise RuntimeError("the installation did not start:\n" + "".join(said))
        # Whatever it says later is read, so that a full pipe never stops it.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def addresses(self) -> dict[str, str]:
        """What STATE/env holds: BASE_URL, DATABASE_URL, OWNER_DATABASE_URL, REDIS_URL."""
        from incident_center.environment import read_state_file

        return read_state_file(self.state)

    def kill(self, name: str) -> None:
        """``kill -9`` for one process, by the name in STATE/pids.json.

        Between its end and its next start a process stands there with a number that may be another's by then, such as
        that of a thread of somebody else's worker: what is killed has to be a child of our supervisor.
        """
        assert self._process is not None
        until = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < until:
            pid = json.loads((self.state / "pids.json").read_text()).get(name)
            if pid and _parent(pid) == self._process.pid:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.05)
        raise TimeoutError(f"{name} did not run within a minute")

    def wait_until_ready(self) -> float:
        """Seconds until the installation works again. Raises TimeoutError after a minute."""
        began = time.monotonic()
        while time.monotonic() - began < RECOVERY_SECONDS:
            status, _ = self.call("GET", "/readyz")
            if status == 200:
                return time.monotonic() - began
            time.sleep(0.1)
        raise TimeoutError("the installation did not recover within a minute")

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", key: str = "", seconds: float = 20
    ) -> tuple[int, Any]:
        """One request: the status (0: no answer) and the decoded body."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["X-API-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                raw = response.read()
                return response.status, json.loads(raw) if raw else None
        except urllib.error.HTTPError as error:
            raw = error.read()
            return error.code, json.loads(raw) if raw.startswith(b"{") else raw
        except (OSError, ValueError):
            return 0, None


def _parent(pid: int) -> int:
    """Of a process; 0 for one that is not there, and for a thread."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        group = Path(f"/proc/{pid}/status").read_text().partition("Tgid:")[2].split()[0]
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1]) if group == str(pid) else 0

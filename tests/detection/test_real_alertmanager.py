"""Alertmanager's own program: firing, grouped, repeated, restarted, resolved."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detection.models import Alert
from incidents.models import Incident
from tests.factories import World, make_world
from tests.web import web_server

PROGRAMS = ("prometheus-alertmanager", "alertmanager")
ALERTMANAGER = next((found for name in PROGRAMS if (found := shutil.which(name))), "")
pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.skipif(not ALERTMANAGER, reason="NOT RUN: no Alertmanager on this machine"),
]
#: When everything began to fire: Prometheus says the same time again and again.
START = datetime.now(UTC) - timedelta(minutes=1)

CONFIGURATION = """
route:
  receiver: incident-center
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 500ms
  repeat_interval: 1s
receivers:
  - name: incident-center
    webhook_configs:
      - url: {url}/v1/alerts/alertmanager
        send_resolved: true
        http_config:
          authorization:
            credentials: {key}
"""
LONGEST_WAIT_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def alertmanager(folder: Path, port: int) -> Iterator[None]:
    arguments = [
        ALERTMANAGER,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
        yield
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def post(port: int, *instances: str, over: bool = False) -> None:
    """What Prometheus would send to Alertmanager."""
    now = datetime.now(UTC)
    alerts = [
        {
            "labels": {"alertname": "DiskFull", "service": "storage", "severity": "page", "instance": instance},
            "annotations": {"summary": f"Disk of {instance} is full"},
            "startsAt": START.isoformat(),
            "endsAt": (now + timedelta(minutes=-1 / 60 if over else 5)).isoformat(),
        }
        for instance in instances
    ]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts",
        json.dumps(alerts).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=5).close()


def states(world: World) -> dict[str, tuple[str, int]]:
    with world.scope():
        return {row.labels["instance"]: (row.status, row.received_count) for row in Alert.objects.all()}


def test_firing_grouped_repeated_restarted_and_resolved(committed_database: str, tmp_path: Path):
    world = make_world()
    port = free_port()
    with web_server() as url:
        configuration = CONFIGURATION.format(url=url, key=world.key().key)
        (tmp_path / "alertmanager.yml").write_text(configuration)
        with alertmanager(tmp_path, port):
            post(port, "a", "b")
            wait_until(lambda: states(world).keys() == {"a", "b"})
            wait_until(lambda: states(world)["a"][1] >= 3)  # It repeats.
            with world.scope():
                incident = Incident.objects.select_related("service").get()
                assert (incident.severity, incident.status, incident.occurrence_count) == ("critical", "open", 1)
                assert incident.service is not None and incident.service.name == "storage"
            post(port, "a", over=True)
            wait_until(lambda: states(world)["a"][0] == "resolved")
        before = states(world)["b"][1]
        with alertmanager(tmp_path, port):  # Restarted, it knows its groups, and Prometheus sends again.
            post(port, "b", "c")
            wait_until(lambda: "c" in states(world) and states(world)["b"][1] > before)
            with world.scope():
                assert Incident.objects.get().status == "open"
            post(port, "b", "c", over=True)
            wait_until(lambda: {state for state, _ in states(world).values()} == {"resolved"})
    with world.scope():
        incident = Incident.objects.get()
        assert (incident.status, incident.occurrence_count) == ("resolved", 1)

"""The package and the product together: a process that is killed while it logs and nobody listens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

from ingestion.models import LogEntry
from tests.ingestion.conftest import Shop, shop  # noqa: F401  A fixture.
from tests.web import web_server

from . import SDK_SOURCE
from .test_processes import PREAMBLE

LONGEST_WAIT_SECONDS = 30
NOBODY = "http://127.0.0.1:1"


def start(code: str, *, url: str, key: str, spool: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(SDK_SOURCE),
        "INCIDENT_CENTER_URL": url,
        "INCIDENT_CENTER_KEY": key,
        "SPOOL": str(spool),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(code)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LONGEST_WAIT_SECONDS)


def spooled(spool: Path) -> set[str]:
    """The messages on disk, but for a last line that the kill has torn."""
    found = set()
    for file in spool.rglob("*"):
        for line in file.read_bytes().splitlines(keepends=True) if file.is_file() else ():
            if line.startswith(b"{") and line.endswith(b"}\n"):
                found.add(json.loads(line).get("message", ""))
    return found - {""}


def stored(shop: Shop) -> list[str]:  # noqa: F811
    with shop.world.scope():
        return list(LogEntry.objects.filter(service_id=shop.service.pk).values_list("message", flat=True))


def test_what_was_spooled_is_stored_once_whoever_is_killed(shop: Shop, tmp_path: Path):  # noqa: F811
    logging_on = start(
        """
        import time
        for number in range(2_000):
            logger.info("%d", number)
        assert handler.flush(20)
        print("spooled", flush=True)
        while True:
            number += 1
            logger.info("%d", number)
            time.sleep(0.001)
        """,
        url=NOBODY,
        key=shop.key,
        spool=tmp_path,
    )
    assert logging_on.stdout is not None
    assert logging_on.stdout.readline() == "spooled\n"
    kill(logging_on)
    on_disk = spooled(tmp_path)
    assert {str(number) for number in range(2_000)} <= on_disk
    with web_server() as url:
        replaying = start("logger.info('wake'); sys.stdin.read()", url=url, key=shop.key, spool=tmp_path)
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not stored(shop):
            assert time.monotonic() < deadline, "nothing is replayed"
            time.sleep(0.01)
        kill(replaying)
        last = start("logger.info('restarted'); handler.flush(20)", url=url, key=shop.key, spool=tmp_path)
        last.communicate(timeout=LONGEST_WAIT_SECONDS)
        assert last.returncode == 0
    found = Counter(stored(shop))
    assert on_disk <= set(found)
    assert set(found.values()) == {1}, "a record that was sent twice is stored once"
    assert found["restarted"] == 1
    assert spooled(tmp_path) == set()

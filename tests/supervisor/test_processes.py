"""Child processes: they end with us, with what they started, and leave their logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from incident_center.supervisor.keeper import Keeper
from incident_center.supervisor.processes import OLD_LOGS, Child, process_exists, rotate

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def child(tmp_path: Path, command: list[str]) -> Child:
    return Child("sleeper", command, environment=dict(os.environ), log=tmp_path / "sleeper.log", folder=tmp_path)


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends in time; a zombie that nobody waits for counts as ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_it_tells_how_it_ended_and_what_it_said_last(tmp_path: Path) -> None:
    failing = child(tmp_path, [sys.executable, "-c", "print('no more paper'); raise SystemExit(3)"])
    failing.start()
    assert failing.wait(10)
    assert failing.ending() == "exit status 3"
    assert failing.last_words() == "    no more paper"
    assert failing.pid is None


def test_what_it_started_itself_ends_with_it(tmp_path: Path) -> None:
    script = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    parent = child(tmp_path, [sys.executable, "-c", script])
    parent.start()
    until = time.monotonic() + 10
    while not parent.last_words() and time.monotonic() < until:
        time.sleep(0.05)
    grandchild = int(parent.last_words())
    parent.kill()
    assert parent.wait(5) and process_exists(grandchild)
    parent.end_group()
    assert gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from incident_center.supervisor.processes import Child
sleeper = Child("sleeper", ["sleep", "60"], environment={{"PATH": os.environ["PATH"]}},
                log=Path({str(tmp_path / "log")!r}), folder=Path({str(tmp_path)!r}))
sleeper.start()
print(sleeper.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    assert gone(pid)


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    told: list[str] = []
    sleeper = child(tmp_path, SLEEP)
    sleeper.start()
    first = sleeper.pid
    assert first is not None
    keeper = Keeper(told.append, lambda: None)
    keeper.watch([sleeper])
    os.kill(first, signal.SIGKILL)
    until = time.monotonic() + 10
    while sleeper.pid in (first, None) and time.monotonic() < until:
        time.sleep(0.05)
    second = sleeper.pid
    keeper.pause()
    sleeper.end_group()
    keeper.end()
    assert second not in (first, None)
    assert len(told) == 1 and "killed by SIGKILL" in told[0]


def test_the_keeper_outlives_a_full_disk(tmp_path: Path) -> None:
    told: list[str] = []

    def write_pids() -> None:
        raise OSError(28, "No space left on device")

    sleeper = child(tmp_path, SLEEP)
    sleeper.start()
    keeper = Keeper(told.append, write_pids)
    keeper.watch([sleeper])
    seen = {None, sleeper.pid}
    for _ in range(2):
        sleeper.kill()
        until = time.monotonic() + 10
        while sleeper.pid in seen and time.monotonic() < until:
            time.sleep(0.05)
        seen.add(sleeper.pid)
    keeper.pause()
    sleeper.end_group()
    keeper.end()
    assert len(seen) == 4, "started again, twice"
    assert any("No space left" in line for line in told)


def test_what_keeps_dying_is_given_longer_and_longer_pauses(tmp_path: Path) -> None:
    told: list[str] = []
    failing = child(tmp_path, ["false"])
    failing.start()
    keeper = Keeper(told.append, lambda: None)
    keeper.watch([failing])
    time.sleep(2.2)
    keeper.pause()
    keeper.end()
    assert 2 <= len(told) <= 4
    assert "0.2 s" in told[0] and "0.4 s" in told[1]


def test_logs_of_earlier_runs_are_kept_but_not_forever(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for run in range(OLD_LOGS + 3):
        rotate(log)
        log.write_text(f"run {run}")
    assert log.read_text() == f"run {OLD_LOGS + 2}"
    assert (tmp_path / "web.log.1").read_text() == f"run {OLD_LOGS + 1}"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "web.log",
        *(f"web.log.{number}" for number in range(1, OLD_LOGS + 1)),
    ]

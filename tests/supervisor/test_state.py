"""The state folder: one supervisor at a time, secrets that stay, notes that go."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from incident_center.supervisor.errors import StartError
from incident_center.supervisor.state import StateFolder


def test_a_second_supervisor_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from incident_center.supervisor.state import StateFolder;"
        f"state = StateFolder(pathlib.Path({str(tmp_path)!r})); state.lock(); print('held', flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(StartError, match=rf"\(pid {holder.pid}\)"):
            StateFolder(tmp_path).lock()
        holder.kill()
    # What a killed one left behind stops nobody.
    assert (tmp_path / "lock").read_text().strip() == str(holder.pid)
    state = StateFolder(tmp_path)
    state.lock()
    assert (tmp_path / "lock").read_text().strip() == str(os.getpid())
    state.unlock()


def test_the_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    secret = StateFolder(tmp_path).secret_key()
    assert len(secret) >= 50
    assert StateFolder(tmp_path).secret_key() == secret
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_a_shell_reads_the_addresses_back(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    address = "postgresql://role:it's $HOME@/database?host=/a b"
    state.write_environment({"DATABASE_URL": address})
    read = subprocess.run(
        ["sh", "-c", f'. {shlex.quote(str(tmp_path / "env"))}; printf %s "$DATABASE_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert read.stdout == address
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    state.write_pids({"web": 1})
    state.remove_running_notes()
    assert not (tmp_path / "env").exists() and not (tmp_path / "pids.json").exists()


def test_a_state_folder_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StartError, match="cannot be used"):
        StateFolder(tmp_path / "state")

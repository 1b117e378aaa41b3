"""The state folder: everything that an installation keeps, and what it says about itself while it runs.

========================  ==========================================================================
``lock``                  held while a supervisor runs; names its pid
``secrets.env``           generated secrets as shell assignments (0600)
``env``                   addresses as shell assignments (0600), only while it runs
``pids.json``             pids by process name, only while it runs
``logs/``                 one log for each process, with those of earlier runs beside it
``postgres/``, ``valkey/``  the embedded servers' own folders
``metrics/``              counters that the processes share, since the start
``static/``               style sheets and scripts as the web process serves them
========================  ==========================================================================
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from incident_center.supervisor.errors import StartError
from incident_center.supervisor.passwords import write_private
from incident_center.supervisor.processes import rotate

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DEFAULT_STATE = CHECKOUT / ".state"


class StateFolder:
    """One installation's state folder. Made when missing, closed to other users.

    Raises:
        StartError: the folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The servers' unprivileged user passes through root's state folder, but cannot list it.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartError(
                f"The state folder {self.path} cannot be used: {error.strerror}.",
                "Choose another one with --state, or start as the user whom it belongs to.",
            ) from error

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def fresh_metrics_folder(self) -> Path:
        """Where the processes of this start share their counters; empty, as counters begin at 0."""
        folder = self.path / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def lock(self) -> None:
        """Takes the folder for this process until it ends.

        The kernel gives the lock back when its holder ends, however that happens: a lock file that was left
        behind stops nobody.

        Raises:
            StartError: a living process holds it; the message names its pid.
        """
        path = self.path / "lock"
        try:
            file = path.open("a+")
        except OSError as error:
            raise StartError(
                f"{path} cannot be opened: {error.strerror}.",
                "Start as the user whom the state folder belongs to, or choose another one with --state.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StartError(
                f"This installation already runs (pid {holder}); its state folder is {self.path}.",
                f"Stop it first (Ctrl-C there, or kill {holder}), or start another with --state and --port.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._lock = file

    @property
    def locked(self) -> bool:
        """Whether this process holds the folder."""
        return self._lock is not None

    def unlock(self) -> None:
        """Gives the folder back."""
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def rotate_logs(self) -> None:
        """Puts the logs of the earlier run aside."""
        for path in self.logs.glob("*.log"):
            rotate(path)

    def secret_key(self) -> str:
        """The installation's secret, generated at the first start: it signs sessions and encrypts stored
        secrets."""
        path = self.path / "secrets.env"
        if path.is_file():
            for line in path.read_text().splitlines():
                name, _, value = line.partition("=")
                if name == "SECRET_KEY":
                    return "".join(shlex.split(value))
        key = secrets.token_urlsafe(48)
        write_private(path, _assignments({"SECRET_KEY": key}))
        return key

    def write_environment(self, values: Mapping[str, str]) -> None:
        """Tells other commands where everything is, as assignments that a shell can read (0600)."""
        write_private(self.path / "env", _assignments(values))

    def write_pids(self, pids: Mapping[str, int]) -> None:
        """Tells which process is which."""
        write_private(self.path / "pids.json", json.dumps(pids, indent=2) + "\n")

    def remove_running_notes(self) -> None:
        """Removes what is true only while it runs."""
        for name in ("env", "pids.json"):
            (self.path / name).unlink(missing_ok=True)

    def remembered(self, name: str) -> str:
        """A note that an earlier start left with ``remember``; "" when there is none."""
        path = self.path / f"{name}.done"
        return path.read_text() if path.is_file() else ""

    def remember(self, name: str, value: str) -> None:
        """Leaves a note for the next start."""
        write_private(self.path / f"{name}.done", value)


def _assignments(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())

"""Child processes that never outlive the supervisor, and leave nothing behind when they die."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from incident_center.supervisor.identity import Identity, current_identity

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

# Earlier runs' log files that are kept beside the current one.
OLD_LOGS = 3


class Child:
    """One child process, which can be started again after it has ended.

    It runs in a session of its own: the terminal's Ctrl-C reaches only the supervisor, which then stops its
    children in order; and what the child itself started can be ended with it, as one process group.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        log: Path,
        folder: Path,
        identity: Identity | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.environment = dict(environment)
        self.log = log
        self.folder = folder
        self.identity = identity or current_identity()
        self.stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def child(self) -> Child:
        """Itself: a process is the simplest service that a keeper can watch."""
        return self

    @property
    def pid(self) -> int | None:
        """The running process's id; None before the start and after the end."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the process. What an earlier run left in its process group is ended first.

        Call it from a thread that lives as long as the child should: Linux ends the child with the *thread*
        that started it.
        """
        self.end_group()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signal),
                **self.identity.process_arguments(),
            )

    def ask_to_stop(self) -> None:
        """Sends the signal on which the process stops in an orderly way."""
        self.send(self.stop_signal)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process alone, if it runs."""
        if self.running and self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the process at once, as ``kill -9`` would: only itself, not what it started."""
        self.send(signal.SIGKILL)

    def end_group(self) -> None:
        """Ends at once whatever is left of the process and of those it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        """Waits for the process's end; False when it still runs after so many seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def ending(self) -> str:
        """How the process ended, in words."""
        status = self._process.returncode if self._process is not None else None
        if status is None:
            return "still running"
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def last_words(self, lines: int = 12) -> str:
        """The last lines of the log, indented, for a message about what went wrong."""
        return tail(self.log, lines)


def tail(log: Path, lines: int) -> str:
    """The last lines of a log file, indented; "" when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    # A line of a structured log may hold a whole traceback.
    shortened = (line if len(line) <= 400 else f"{line[:200]} … {line[-200:]}" for line in text.splitlines())
    return "\n".join(f"    {line}" for line in list(shortened)[-lines:])


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec: it asks Linux for a signal when its parent dies.

    Without it a ``kill -9`` of the supervisor would leave servers behind that hold the port and the data
    folder. The signal is the orderly one, so that a database shuts down cleanly and a web process takes its
    own workers along. Between the fork and the request the parent may already be gone; then the child leaves
    at once.
    """
    if _libc is None:
        return None
    request = _libc.prctl
    parent = os.getpid()

    def ask() -> None:
        request(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def rotate(log: Path) -> None:
    """Puts an earlier run's log aside: ``web.log`` becomes ``web.log.1``, and so on; the oldest goes."""
    if not log.exists() or log.stat().st_size == 0:
        return
    for number in range(OLD_LOGS, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log if number == 1 else log.with_name(f"{log.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def process_exists(pid: int) -> bool:
    """Whether a process with this id runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Waits for a process that is not our child; False when it is still there after so many seconds."""
    until = time.monotonic() + seconds
    while process_exists(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True

"""``python -m incident_center.supervisor start``: an installation in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from incident_center.supervisor.console import say
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.state import DEFAULT_STATE
from incident_center.supervisor.supervisor import Options, Supervisor

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    began = time.monotonic()
    supervisor = Supervisor(_options(arguments))
    _stop_on_signals(supervisor)
    try:
        supervisor.start()
        say(f"ready {supervisor.base_url}")
        say(f"(after {time.monotonic() - began:.1f} s; logs in {supervisor.state.logs}; Ctrl-C stops it)")
        threading.Event().wait()
    except KeyboardInterrupt:
        supervisor.stop()
        say(f"stopped; the data stays in {supervisor.state.path}")
    except StartError as error:
        say(f"\nIncident Center did not start.\n{error}")
        return 1
    return 0


def _stop_on_signals(supervisor: Supervisor) -> None:
    """The first Ctrl-C, SIGTERM or SIGHUP interrupts the main thread; a second one hurries the stop."""
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            supervisor.hurry = True
            return
        asked = True
        say("stopping (once more to hurry)")
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="script/start",
        description="Runs Incident Center in the foreground: PostgreSQL, Valkey, web, workers and beat.",
        epilog="DATABASE_URL (with OWNER_DATABASE_URL) and REDIS_URL name servers that run elsewhere;"
        " then none is started here. docs/operations.md lists all settings.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start everything and keep it running")
    start.prog = "script/start"
    start.add_argument("--port", type=_port, default=8000, help="0 takes any free one (default: %(default)s)")
    start.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    start.add_argument("--state", type=Path, default=DEFAULT_STATE, help="data folder (default: %(default)s)")
    chosen = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return Options(port=chosen.port, host=chosen.host, state=chosen.state)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)

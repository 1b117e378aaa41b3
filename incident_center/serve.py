"""The web process: ``python -m incident_center.serve --host 127.0.0.1 --port 8000``.

Portal, API and live connections on one port. It refuses to start as a database role that row-level security does
not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import django
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

STOP_SECONDS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m incident_center.serve", description="The web process.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="processes; each answers many requests at once")
    options = parser.parse_args(arguments)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")
    shared_metrics = prepare_metrics_directory(workers=options.workers)
    django.setup()
    if not _role_is_safe():
        return 1
    server = Server(
        "incident_center.asgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        http=HTTPModes.http1,
        loop=Loops.auto,
        websockets=True,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_server_log_configuration(),
    )
    server.serve()
    if shared_metrics:
        forget_dead_processes(shared_metrics)
    return 0


def prepare_metrics_directory(*, workers: int) -> Path | None:
    """Where the processes share their counters (PROMETHEUS_MULTIPROC_DIR), ready for use; None: one process, in memory.

    prometheus_client looks at the variable when it is first imported, so this comes before Django.
    """
    from incident_center.environment import load, multiprocess_metrics_directory

    if workers > 1 and not multiprocess_metrics_directory():
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(load().state_directory / "metrics")
    if not multiprocess_metrics_directory():
        return None
    directory = Path(multiprocess_metrics_directory())
    directory.mkdir(parents=True, exist_ok=True)
    forget_dead_processes(directory)
    return directory


def forget_dead_processes(directory: Path) -> None:
    """Removes the files of processes that are gone: their ids come back, and the files would add up for ever."""
    for file in directory.glob("*_*.db"):
        process_id = file.stem.rpartition("_")[2]
        if process_id.isdigit() and not _is_running(int(process_id)):
            file.unlink(missing_ok=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _role_is_safe() -> bool:
    from django.db import OperationalError, connection

    from incident_center.kernel.database.privileges import UnsafeDatabaseRoleError, refuse_unsafe_role

    try:
        refuse_unsafe_role()
    except UnsafeDatabaseRoleError as error:
        sys.stderr.write(f"Refused to start: {error}.\n")
        return False
    except OperationalError as error:
        sys.stderr.write(f"Refused to start: the database does not answer ({str(error).strip()}).\n")
        return False
    finally:
        connection.close()
    return True


def _server_log_configuration() -> dict[str, object]:
    """The server's own lines in the form of all others."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "incident_center.kernel.structured_logging.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"_granian": {"handlers": ["stderr"], "propagate": False}},
    }


if __name__ == "__main__":
    sys.exit(main())

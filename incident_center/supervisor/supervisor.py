"""One installation, from its servers to its web page: started in order, kept running, stopped in order."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from incident_center.supervisor import preparation, programs
from incident_center.supervisor.addresses import DatabaseAddresses, given_database
from incident_center.supervisor.console import say
from incident_center.supervisor.database_setup import OWNER_ROLE
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.keeper import Keeper, Service
from incident_center.supervisor.postgres import EmbeddedPostgres
from incident_center.supervisor.processes import Child
from incident_center.supervisor.state import DEFAULT_STATE, StateFolder
from incident_center.supervisor.valkey import EmbeddedValkey, free_port

# Seconds that the web process may take until /readyz answers 200.
READY_SECONDS = 90
# Seconds that a management command may take: a migration of a large table is slow.
MANAGEMENT_SECONDS = 6 * 3600
# Seconds that web and workers may take to finish what they do: a call to somebody else's server takes up to ten. What
# is due is a row, so nothing is lost; but a message whose worker is killed is sent again.
APPLICATION_STOP_SECONDS = 12
# Hosts that mean this machine when its own processes ask.
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", ""})


@dataclass(frozen=True)
class Options:
    """What can be chosen about an installation.

    ``port`` 0 means any free one. ``environment`` is what the processes inherit, with ``DATABASE_URL``,
    ``OWNER_DATABASE_URL`` and ``REDIS_URL`` naming servers that run elsewhere.
    """

    port: int = 8000
    host: str = "127.0.0.1"
    state: Path = DEFAULT_STATE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class Supervisor:
    """Starts, keeps and stops one installation.

    ::

        with Supervisor(Options(port=0, state=folder)) as running:
            httpx.get(f"{running.base_url}/healthz")
            running.kill("worker")

    Args:
        options: where and what to run.
        report: gets one-line messages about progress and about what died.
    """

    def __init__(self, options: Options, report: Callable[[str], None] = say) -> None:
        self.options = options
        self.report = report
        self.port = options.port or free_port()
        self.hurry = False
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.environment: dict[str, str] = {}
        self._state: StateFolder | None = None
        self._keeper: Keeper | None = None
        self._application: list[Child] = []
        self._commands: list[Child] = []

    @property
    def state(self) -> StateFolder:
        """The installation's state folder, made at first use."""
        if self._state is None:
            self._state = StateFolder(self.options.state)
        return self._state

    @property
    def base_url(self) -> str:
        """Where people reach the portal; on this machine as ``localhost``, the name that passkeys require."""
        given = self.options.environment.get("BASE_URL", "").rstrip("/")
        host = "localhost" if self.options.host in _LOOPBACK else self.options.host
        return given or f"http://{_bracketed(host)}:{self.port}"

    @property
    def services(self) -> Sequence[Service]:
        """All that runs, servers first."""
        servers = [server for server in (self.postgres, self.valkey) if server is not None]
        return [*servers, *self._application]

    def start(self) -> None:
        """Starts everything and returns when the web process is ready.

        Raises:
            StartError: with the reason and a way out; what was started has been stopped.
        """
        try:
            self.state.lock()
            self._refuse_taken_port()
            self.state.remove_running_notes()
            self.state.rotate_logs()
            self._keeper = Keeper(self.report, self._write_pids)
            database, redis_url = self._start_servers()
            self._compose_environment(database, redis_url)
            self._prepare(database)
            self._start_application(database)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything in order: what works first, then the broker, then the database. The data stays."""
        if self._keeper is not None:
            self._keeper.pause()
        working = [child for child in (*self._application, *self._commands) if child.running]
        for child in working:
            child.ask_to_stop()
        self._wait_for_end(working, APPLICATION_STOP_SECONDS)
        if self.valkey is not None:
            self.valkey.stop(0 if self.hurry else 3)
        if self.postgres is not None:
            self.postgres.stop(1 if self.hurry else 30)
        if self._keeper is not None:
            self._keeper.end()
            self._keeper = None
        if self._state is not None and self._state.locked:
            self._state.remove_running_notes()
            self._state.unlock()

    def kill(self, name: str) -> None:
        """Ends one process at once, as ``kill -9`` would; it is then started again like any that dies.

        Raises:
            KeyError: there is no process of that name.
        """
        os.kill(self.pids()[name], signal.SIGKILL)

    def pids(self) -> dict[str, int]:
        """The pids of what runs at this moment, by name."""
        children = [service.child for service in self.services]
        return {child.name: child.pid for child in children if child.pid is not None}

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_servers(self) -> tuple[DatabaseAddresses, str]:
        given = self.options.environment
        assert self._keeper is not None
        if given.get("DATABASE_URL"):
            owner_url = given.get("OWNER_DATABASE_URL", "")
            database = given_database(given["DATABASE_URL"], owner_url, self.state, self.report)
        else:
            self.report("starting PostgreSQL")
            self.postgres = EmbeddedPostgres(
                self.state.path / "postgres", log=self.state.log("postgres"), report=self.report
            )
            self.postgres.start()
            self.postgres.prepare_roles()
            database = DatabaseAddresses(runtime=self.postgres.url(), owner=self.postgres.url(OWNER_ROLE))
            self._keeper.watch([self.postgres])
        redis_url = given.get("REDIS_URL", "")
        if not redis_url:
            self.report("starting Valkey")
            self.valkey = EmbeddedValkey(self.state.path / "valkey", log=self.state.log("valkey"), report=self.report)
            self.valkey.start()
            redis_url = self.valkey.url
            self._keeper.watch([self.valkey])
        return database, redis_url

    def _compose_environment(self, database: DatabaseAddresses, redis_url: str) -> None:
        addresses = {
            "BASE_URL": self.base_url,
            "DATABASE_URL": database.runtime,
            "REDIS_URL": redis_url,
        }
        inherited = {
            name: value
            for name, value in self.options.environment.items()
            # Only the processes that need the owner's address are given it; see _as_owner.
            if name not in ("OWNER_DATABASE_URL", "DATABASE_AS")
        }
        secret_key = inherited.get("SECRET_KEY") or self.state.secret_key()
        own = {
            "SECRET_KEY": secret_key,
            "STATE_DIR": str(self.state.path),
            # Web, workers and clocks count into one folder, so that /metrics tells what any of them did.
            "PROMETHEUS_MULTIPROC_DIR": str(self.state.fresh_metrics_folder()),
        }
        self.environment = inherited | addresses | own
        self.state.write_environment(addresses | {"OWNER_DATABASE_URL": database.owner})

    def _as_owner(self, database: DatabaseAddresses) -> dict[str, str]:
        return self.environment | {"DATABASE_AS": "owner", "OWNER_DATABASE_URL": database.owner}

    def _prepare(self, database: DatabaseAddresses) -> None:
        if not preparation.migrations_are_applied(self.state, database.owner):
            self.report("migrating the database")
            self._run(programs.manage("migrate", ["migrate", "--noinput"], self.state, self._as_owner(database)))
            preparation.remember_migrations(self.state, database.owner)
        if not preparation.static_files_are_collected(self.state):
            self.report("collecting style sheets and scripts")
            arguments = ["collectstatic", "--noinput", "--verbosity=0"]
            self._run(programs.manage("collectstatic", arguments, self.state, self.environment))
            preparation.remember_static_files(self.state)

    def _run(self, command: Child) -> None:
        """Runs a management command to its end."""
        self._commands.append(command)
        command.start()
        command.wait(MANAGEMENT_SECONDS)
        self._commands.remove(command)
        if command.ending() != "exit status 0":
            raise StartError(
                f"{command.name} failed ({command.ending()}); it said:\n{command.last_words()}",
                f"Its whole log is {command.log}.",
            )

    def _start_application(self, database: DatabaseAddresses) -> None:
        self.report("starting web, workers and beat")
        assert self._keeper is not None
        web = programs.web(self.state, self.environment, self.options.host, self.port)
        self._launch(web, programs.worker(self.state, self.environment))
        self._wait_until_ready(web)
        # Each process loads Django, which takes seconds of a processor: those that nobody waits for come after.
        self._launch(
            programs.maintenance(self.state, self._as_owner(database)),
            programs.beat(self.state, self.environment),
        )
        self._keeper.watch(self._application)

    def _launch(self, *children: Child) -> None:
        for child in children:
            self._application.append(child)
            child.start()
        self._write_pids()

    def _wait_until_ready(self, web: Child) -> None:
        host = "127.0.0.1" if self.options.host in _LOOPBACK else self.options.host
        if self.options.host == "::1":
            host = "::1"
        url = f"http://{_bracketed(host)}:{self.port}/readyz"
        began = time.monotonic()
        told = False
        reason = "no answer"
        while (waited := time.monotonic() - began) < READY_SECONDS:
            ended = next((child for child in self._application if not child.running), None)
            if ended is not None:
                raise StartError(
                    f"{ended.name} did not start ({ended.ending()}); it said:\n{ended.last_words()}",
                    f"Its whole log is {ended.log}.",
                )
            reason = unreadiness(url) or ""
            if not reason:
                return
            if waited > 15 and not told:
                told = True
                self.report(f"the web process is not ready yet: {reason}")
            time.sleep(0.05)
        raise StartError(
            f"The web process was not ready within {READY_SECONDS} s: {reason}\n{web.last_words()}",
            f"The logs are in {self.state.logs}.",
        )

    def _wait_for_end(self, children: Sequence[Child], seconds: float) -> None:
        until = time.monotonic() + seconds
        while any(child.running for child in children) and time.monotonic() < until and not self.hurry:
            time.sleep(0.05)
        for child in children:
            child.end_group()

    def _write_pids(self) -> None:
        self.state.write_pids(self.pids())

    def _refuse_taken_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.options.host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # A port whose last connections are still being closed is free to listen on.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self.options.host, self.port))
        except PermissionError as error:
            raise StartError(
                f"This user may not listen on port {self.port}.", "Choose one above 1023 with --port."
            ) from error
        except socket.gaierror as error:
            raise StartError(
                f"{self.options.host!r} is not a host of this machine: {error.strerror}.",
                "Choose another one with --host, for example 127.0.0.1 or 0.0.0.0.",
            ) from error
        except OSError as error:
            raise StartError(
                f"Port {self.port} on {self.options.host} cannot be used: {error.strerror}.",
                f"Choose another one, for example --port {free_port()}.",
            ) from error


def unreadiness(url: str) -> str | None:
    """Why the web process is not ready; None when it is."""
    try:
        # Straight to the process, whatever proxy the environment names, and by a name that it always answers to.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, headers={"Host": "localhost"}), timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return error.read(500).decode(errors="replace")
    except OSError as error:
        return str(error)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

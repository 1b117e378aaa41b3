"""An embedded PostgreSQL: made, started and stopped by us, reachable by a Unix socket only.

The tests use it as a library::

    server = EmbeddedPostgres(temporary_server_folder())
    server.start()
    server.prepare_roles()
    connection = psycopg.connect(server.url("incident_center_runtime"))
    server.stop()
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from incident_center.supervisor import database_setup
from incident_center.supervisor.binaries import PostgresPrograms, find_postgres, readable_postgres
from incident_center.supervisor.database_setup import DATABASE, OWNER_ROLE, RUNTIME_ROLE
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.identity import reachable_folder, server_identity, socket_folder
from incident_center.supervisor.passwords import load_or_make
from incident_center.supervisor.postgres_settings import default_settings, write_settings
from incident_center.supervisor.processes import Child, process_exists, wait_until_gone

SUPERUSER = "postgres"
# PostgreSQL names its socket after a port, also when it listens on none.
PORT = 5432
# A start answers within a second; replaying the log after a crash of a loaded server takes minutes.
START_SECONDS = 60
RECOVERY_SECONDS = 900


class EmbeddedPostgres:
    """One PostgreSQL server with its data in ``directory``.

    Args:
        directory: holds ``data``, ``passwords.json`` (0600) and, if short enough, the socket. Made when
        missing.
            For root it has to be enterable by an unprivileged user; otherwise a lasting place is chosen
            instead and ``report`` says so.
        log: the server's log file; ``directory/postgres.log`` by default.
        settings: server settings that replace the defaults, for example ``{"fsync": "off"}`` in tests.
        report: gets one-line messages for the operator.
    """

    name = "postgres"

    def __init__(
        self,
        directory: Path,
        *,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.report = report
        self.directory = reachable_folder(directory.absolute(), report)
        self.data = self.directory / "data"
        self.identity = server_identity(self.data)
        self.log = log or self.directory / "postgres.log"
        self.settings = dict(settings or {})
        self.passwords = load_or_make(self.directory / "passwords.json", (SUPERUSER, OWNER_ROLE, RUNTIME_ROLE))
        self._programs: PostgresPrograms | None = None
        self._sockets: Path | None = None
        self._child: Child | None = None
        self._claim: int | None = None

    @property
    def programs(self) -> PostgresPrograms:
        """The programs in use, ``pg_dump`` and ``pg_restore`` among them."""
        if self._programs is None:
            self._programs = readable_postgres(find_postgres(), self.identity, self.directory)
        return self._programs

    @property
    def sockets(self) -> Path:
        """The folder of the server's Unix socket."""
        if self._sockets is None:
            self._sockets = socket_folder(self.identity, self.directory / "run", f".s.PGSQL.{PORT}.lock")
        return self._sockets

    @property
    def child(self) -> Child:
        """The server's process.

        Raises:
            RuntimeError: the server was never started.
        """
        if self._child is None:
            raise RuntimeError("this PostgreSQL has not been started")
        return self._child

    def url(self, role: str = RUNTIME_ROLE, database: str = DATABASE) -> str:
        """A libpq address for one of the server's own roles."""
        password = quote(self.passwords[role], safe="")
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{role}:{password}@/{database}?host={host}&port={PORT}"

    def superuser_url(self, database: str = "postgres") -> str:
        """A libpq address for the superuser, who makes roles, databases and extensions and nothing else."""
        return self.url(SUPERUSER, database)

    def start(self) -> None:
        """Makes the data folder if need be, starts the server and waits until it answers.

        Raises:
            StartError: with the reason and a way out.
        """
        self._claim_directory()
        self._make_data()
        self._check_version()
        self._clear_leftovers()
        configuration = self.directory / "postgres.conf"
        write_settings(configuration, self.data, default_settings(preload=self._preload()) | self.settings)
        if self._child is None:
            self._child = Child(
                self.name,
                [
                    *(self.programs.program("postgres"), "-D", self.data, "-p", str(PORT)),
                    *("-c", f"config_file={configuration}"),
                    *("-c", "listen_addresses="),
                    *("-c", f"unix_socket_directories={self.sockets}"),
                    *("-c", "unix_socket_permissions=0700"),
                ],
                environment=self._environment(),
                log=self.log,
                folder=self.data,
                identity=self.identity,
                # SIGINT is PostgreSQL's "fast" shutdown: sessions are ended, then a checkpoint. SIGTERM would
                # wait for every session to leave by itself.
                stop_signal=signal.SIGINT,
            )
        self._child.start()
        self._wait_until_ready()

    def stop(self, seconds: float = 30) -> None:
        """Stops the server in order; at once when that takes longer (the next start then replays its log)."""
        if self._child is not None:
            self._child.ask_to_stop()
            if not self._child.wait(seconds):
                self._child.end_group()
        self._give_up_directory()

    def kill(self) -> None:
        """Ends the server at once, as ``kill -9`` would."""
        self.child.kill()
        self.child.wait(10)

    def prepare_roles(self, database: str = DATABASE) -> None:
        """Makes the two roles, the database and its extensions, where they are missing."""
        database_setup.prepare(self.superuser_url, self.passwords, database)

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Makes a database of the owner role's, as a copy of ``template``, which must have no sessions."""
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
                )
            )

    def drop_database(self, name: str) -> None:
        """Removes a database, if it exists, and ends its sessions."""
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _claim_directory(self) -> None:
        """Keeps other supervisors off this data, such as that of a checkout copied with its state folder.

        The kernel gives the claim up when this process ends. So a server that runs on unclaimed data is one that
        was left behind.
        """
        if self._claim is not None:
            return
        claim = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            raise StartError(
                f"Another running installation uses the data in {self.directory}.",
                "Stop that one first, or choose another folder with --state.",
            ) from None
        self._claim = claim

    def _give_up_directory(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _environment(self) -> dict[str, str]:
        # Nothing of ours: neither secrets nor PG* variables belong in a server's environment.
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.directory)}

    def _preload(self) -> str:
        name = "pg_stat_statements"
        library_folders = (self.programs.folder.parent / "lib").rglob(f"{name}.*")
        return name if any(path.suffix in (".so", ".dylib") for path in library_folders) else ""

    def _make_data(self) -> None:
        """Makes the data folder in one step that cannot be seen half done: aside first, then renamed."""
        if self.data.exists() and any(self.data.iterdir()):
            if not (self.data / "PG_VERSION").exists() or not (self.data / "global/pg_control").exists():
                raise StartError(
                    f"{self.data} is half a data folder: it lacks PG_VERSION or global/pg_control.",
                    f"If you need nothing in it: mv {self.data} {self.data}.aside, then start again.",
                )
            return
        making = self.directory / "data.partial"
        if making.exists():
            self.report("an earlier start was interrupted while it made the database; making it anew")
            shutil.rmtree(making)
        self.identity.own_folder(making)
        password_file = making.with_suffix(".password")
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER] + "\n")
        self.identity.own(password_file, 0o600)
        try:
            self._initdb(making, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        if self.data.exists():
            self.data.rmdir()
        making.rename(self.data)
        _synchronize(self.directory)

    def _initdb(self, target: Path, password_file: Path) -> None:
        # The builtin provider sorts by code point, the same on every machine, whatever its libraries.
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if self.programs.version >= 17
            else ["--locale=C.UTF-8"]
        )
        completed = subprocess.run(
            [
                *(
                    str(self.programs.program("initdb")),
                    "-D",
                    str(target),
                    "-U",
                    SUPERUSER,
                    "--encoding=UTF8",
                ),
                *locale,
                *("--auth=scram-sha-256", f"--pwfile={password_file}", "--data-checksums"),
            ],
            cwd=target,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            **self.identity.process_arguments(),
        )
        if completed.returncode:
            raise StartError(
                f"PostgreSQL could not make its data folder {self.data}:\n{completed.stderr.strip()}",
                "Look at free disk space and at the folder's permissions, then start again.",
            )

    def _check_version(self) -> None:
        found = int((self.data / "PG_VERSION").read_text().strip())
        if found != self.programs.version:
            raise StartError(
                f"{self.data} was made by PostgreSQL {found}; this is PostgreSQL {self.programs.version}.",
                f"Set PG_BINDIR to the bin folder of a PostgreSQL {found}, or carry it over with pg_upgrade.",
            )

    def _clear_leftovers(self) -> None:
        """Deals with a server that an earlier supervisor left behind, and with the pid file of a dead one.

        PostgreSQL itself ignores a pid file whose process is gone. But after a restart of a container the
        same small pid often belongs to somebody else, and PostgreSQL then refuses to start.
        """
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if not process_exists(pid):
            return
        if _works_in(pid, self.data):
            self.report(f"stopping a PostgreSQL (pid {pid}) that an earlier run left behind")
            os.kill(pid, signal.SIGINT)
            if not wait_until_gone(pid, 30):
                raise StartError(
                    f"A PostgreSQL (pid {pid}) still runs on {self.data} and does not stop.",
                    f"End it (kill -QUIT {pid}), then start again.",
                )
        elif not any(_works_in(other, self.data) for other in _all_processes()):
            pid_file.unlink(missing_ok=True)

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        told = False
        while True:
            try:
                with psycopg.connect(self.superuser_url(), connect_timeout=5):
                    return
            except psycopg.OperationalError as error:
                recovering = "starting up" in str(error) or "recovery" in str(error)
                refused = "password authentication failed" in str(error)
            waited = time.monotonic() - began
            if refused:
                self.stop()
                raise StartError(
                    f"The passwords in {self.directory / 'passwords.json'} do not open the data beside them.",
                    "Bring back the file that belongs to this data.",
                )
            if not self.child.running:
                raise StartError(
                    f"PostgreSQL did not start ({self.child.ending()}); it said:\n{self.child.last_words()}",
                    f"Its whole log is {self.log}.",
                )
            if waited > (RECOVERY_SECONDS if recovering else START_SECONDS):
                self.stop()
                raise StartError(f"PostgreSQL did not answer within {waited:.0f} s.", f"Its log is {self.log}.")
            if recovering and waited > 3 and not told:
                told = True
                self.report("PostgreSQL is replaying its log after an unclean end; this may take a while")
            time.sleep(0.02)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether a process has that working folder, as every process of a PostgreSQL has its data folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False


def _all_processes() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError:
        return []


def _synchronize(folder: Path) -> None:
    """Makes a rename inside the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

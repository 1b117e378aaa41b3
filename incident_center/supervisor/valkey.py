"""An embedded Valkey: broker, cache and channel layer, but never the record."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from incident_center.supervisor.binaries import find_valkey
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.identity import reachable_folder, server_identity
from incident_center.supervisor.memory import share_of_memory
from incident_center.supervisor.passwords import load_or_make, write_private
from incident_center.supervisor.processes import Child

START_SECONDS = 15
PASSWORD = "valkey"


class EmbeddedValkey:
    """One Valkey server on a loopback port, opened by a generated password.

    A port and not a socket, because Celery, channels-redis and redis-py spell a socket's address in three
    different ways. The port stays the same through restarts, as clients keep the address.

    Args:
        directory: holds ``valkey.conf`` and ``passwords.json`` (both 0600). Made when missing.
        log: the server's log file; ``directory/valkey.log`` by default.
        report: gets one-line messages for the operator.
    """

    name = "valkey"

    def __init__(
        self,
        directory: Path,
        *,
        log: Path | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.directory = reachable_folder(directory.absolute(), report)
        self.data = self.directory / "data"
        self.identity = server_identity(self.data)
        self.log = log or self.directory / "valkey.log"
        self.password = load_or_make(self.directory / "passwords.json", [PASSWORD])[PASSWORD]
        self.port = free_port()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"redis://:{quote(self.password, safe='')}@127.0.0.1:{self.port}/0"

    @property
    def child(self) -> Child:
        """The server's process.

        Raises:
            RuntimeError: the server was never started.
        """
        if self._child is None:
            raise RuntimeError("this Valkey has not been started")
        return self._child

    def start(self) -> None:
        """Starts the server, empty, and waits until it answers.

        Raises:
            StartError: with the reason and a way out.
        """
        self.identity.own_folder(self.data)
        configuration = self.directory / "valkey.conf"
        write_private(configuration, self._configuration())
        self.identity.own(configuration, 0o600)
        if self._child is None:
            self._child = Child(
                self.name,
                [find_valkey(self.identity, self.directory), configuration],
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                log=self.log,
                folder=self.data,
                identity=self.identity,
            )
        self._child.start()
        self._wait_until_ready()

    def stop(self, seconds: float = 5) -> None:
        """Stops the server; nothing is kept."""
        if self._child is not None:
            self._child.ask_to_stop()
            if not self._child.wait(seconds):
                self._child.end_group()

    def kill(self) -> None:
        """Ends the server at once, as ``kill -9`` would. Its data is gone."""
        self.child.kill()
        self.child.wait(5)

    def _configuration(self) -> str:
        memory = share_of_memory(1 / 32, least=64, most=512)
        return f"""\
bind 127.0.0.1
port {self.port}
requirepass {self.password}
protected-mode yes
daemonize no
dir {_quoted(self.data)}
# What is in here may be lost at any time: PostgreSQL is the record. So nothing is written to disk.
save ""
appendonly no
maxmemory {memory}mb
# When full, let go of what expires anyway (cache, throttles, live messages), never of queued tasks.
# "noeviction" would let a full cache stop the queue; "allkeys" would let it eat the queue.
maxmemory-policy volatile-lru
# A live page that reads too slowly is cut off before it fills the memory.
client-output-buffer-limit pubsub 16mb 4mb 30
tcp-keepalive 60
"""

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.child.running:
                raise StartError(
                    f"Valkey did not start ({self.child.ending()}); it said:\n{self.child.last_words()}",
                    f"Its whole log is {self.log}.",
                )
            if time.monotonic() > until:
                self.stop()
                raise StartError(f"Valkey did not answer within {START_SECONDS} s.", f"Its log is {self.log}.")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return connection.makefile("rb").readline().startswith(b"+OK")
        except OSError:
            return False


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

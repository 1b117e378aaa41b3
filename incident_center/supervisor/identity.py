"""Which user the servers run as, and where that user can reach its files.
 PostgreSQL refuses to run as root, so root hands both servers to an unprivileged user that the machine
already has. Everybody else runs them as themselves.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from incident_center.supervisor.errors import StartError

# Users that nearly every system lists in passwd; a uid that passwd does not list is refused by PostgreSQL
# itself.
UNPRIVILEGED_USERS = ("nobody", "daemon")

# Where root keeps the servers' data when their user cannot reach the state folder (a checkout in root's home).
FALLBACK_FOLDER = Path("/var/lib/incident-center")

# A note left in the wished-for place, so that data is found again even when the checkout has moved.
LOCATION_NOTE = "moved-to"


@dataclass(frozen=True)
class Identity:
    """A user that processes run as; ``drops`` tells whether that differs from the current one."""

    name: str
    uid: int
    gid: int
    drops: bool

    def process_arguments(self) -> dict[str, Any]:
        """Arguments for ``subprocess`` that start a process as this user, with none of our groups."""
        if not self.drops:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, test: str, path: Path) -> bool:
        """Whether ``test(1)``, run as this user, passes for a path: ``can("-x", folder)``."""
        completed = subprocess.run(
            ["/bin/sh", "-c", 'test "$1" "$2"', "sh", test, str(path)],
            cwd="/",
            check=False,
            **self.process_arguments(),
        )
        return completed.returncode == 0

    def own_folder(self, path: Path) -> None:
        """Makes a folder that belongs to this user alone (mode 0700)."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.own(path, 0o700)

    def own(self, path: Path, mode: int) -> None:
        """Gives a file or folder to this user, with these permission bits."""
        if self.drops:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


def current_identity() -> Identity:
    """The user that this process runs as."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Identity(name=name, uid=uid, gid=os.getegid(), drops=False)


def server_identity(data: Path | None = None) -> Identity:
    """The user that embedded servers run as: the current one, or for root an unprivileged one.

    Args:
        data: an existing data folder; root then runs the server as that folder's owner, so that a state
        folder
            once made by an ordinary user still opens.

    Raises:
        StartError: root finds no unprivileged user, or the data belongs to somebody whom we cannot become.
    """
    current = current_identity()
    owner = data.stat().st_uid if data is not None and data.exists() else None
    if current.uid != 0:
        if owner is not None and owner != current.uid:
            raise StartError(
                f"{data} belongs to another user (uid {owner}); you are {current.name} (uid {current.uid}).",
                "Start it as that user (data made by root: as root), or choose another folder with --state.",
            )
        return current
    if owner:
        entry = _passwd_entry(owner)
        if entry is not None:
            return entry
    for name in UNPRIVILEGED_USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        identity = Identity(name=name, uid=found.pw_uid, gid=found.pw_gid, drops=True)
        if _can_become(identity):
            return identity
    raise StartError(
        "PostgreSQL refuses to run as root, and this machine has no unprivileged user to run it as"
        f" ({', '.join(UNPRIVILEGED_USERS)}).",
        "Start as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs elsewhere.",
    )


def _passwd_entry(uid: int) -> Identity | None:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Identity(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid, drops=True)


def _can_become(identity: Identity) -> bool:
    """Some containers map no other uid than root's; then the attempt itself fails."""
    try:
        return identity.can("-d", Path("/"))
    except (OSError, subprocess.SubprocessError):
        return False


def reachable_folder(wished: Path, report: Callable[[str], None]) -> Path:
    """A folder that the servers' user can enter: the wished one, or for root a lasting place under /var/lib.

    The folder exists afterwards; it belongs to the current user and others may only pass through it. Which
    place was chosen is noted in the wished folder, so that the next start finds the same data.
    """
    wished.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        wished.chmod(0o700)
        return wished
    wished.chmod(0o711)
    note = wished / LOCATION_NOTE
    if note.is_file():
        chosen = Path(note.read_text().strip())
    elif server_identity().can("-x", wished):
        return wished
    else:
        digest = hashlib.sha256(os.fsencode(wished.resolve())).hexdigest()[:12]
        chosen = FALLBACK_FOLDER / f"{digest}-{wished.name}"
        report(f"user {server_identity().name} cannot enter {wished}; keeping this data in {chosen}")
    chosen.mkdir(parents=True, exist_ok=True)
    for folder in (FALLBACK_FOLDER, chosen):
        if folder.exists():
            folder.chmod(0o711)
    note.write_text(f"{chosen}\n")
    return chosen


def temporary_server_folder(prefix: str = "incident-center-") -> Path:
    """A new, short-named temporary folder that the servers' user can enter, also when made by root.

    (pytest's own temporary folders are closed to everybody else.) The caller removes it.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    return folder


def socket_folder(identity: Identity, wished: Path, longest_name: str) -> Path:
    """A folder for Unix sockets, closed to all but ``identity``, whose path is short enough for the kernel.

    A socket's whole path may have 107 bytes. Where the wished folder is too deep, a folder under the
    temporary directory is used, named after a hash of the wished one.

    Raises:
        StartError: somebody else already made that temporary folder.
    """
    folder = wished
    if len(os.fsencode(wished / longest_name)) > 103:
        digest = hashlib.sha256(os.fsencode(wished)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"incident-center-{digest}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid not in (identity.uid, os.geteuid()):
            raise StartError(
                f"{folder}, where the database's socket should go, belongs to somebody else.",
                "Remove it, or choose a --state folder with a shorter path.",
            ) from None
    identity.own(folder, 0o700)
    return folder


def copy_for(identity: Identity, sources: dict[Path, Path], marker: Path) -> None:
    """Copies folders or files to where ``identity`` can read them, once.

    Args:
        identity: who has to be able to read the copies.
        sources: from where to where.
        marker: written last; its presence says that the copy is whole.
    """
    if marker.exists():
        return
    for source, target in sources.items():
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    for parent in {
        parent for target in sources.values() for parent in target.parents if marker.parent in parent.parents
    }:
        parent.chmod(0o755)
    marker.parent.chmod(0o755)
    marker.write_text(f"readable by {identity.name}\n")

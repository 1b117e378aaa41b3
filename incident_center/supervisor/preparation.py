"""What happens between the servers and the web process: migrations and static files, when something changed.
 Both take seconds, mostly to load Django, so a start on unchanged code skips them. Skipping is decided by
what was done before, not by time stamps alone: a fingerprint of all code that could matter, and of the
database itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg

from incident_center.supervisor.state import CHECKOUT, StateFolder

# Folders of the checkout that no migration depends on.
_NOT_CODE = frozenset({"tests", "docs", "benchmarks", "examples", "script", "deploy", "sdk", "static"})


def migrations_are_applied(state: StateFolder, owner_url: str) -> bool:
    """Whether the database is as the last ``migrate`` with exactly this code left it."""
    return state.remembered("migrate") == _migration_fingerprint(owner_url)


def remember_migrations(state: StateFolder, owner_url: str) -> None:
    """Notes that ``migrate`` has just run."""
    state.remember("migrate", _migration_fingerprint(owner_url))


def static_files_are_collected(state: StateFolder) -> bool:
    """Whether the collected style sheets and scripts are those of this code."""
    return (state.path / "static").is_dir() and state.remembered("static") == _static_fingerprint()


def remember_static_files(state: StateFolder) -> None:
    """Notes that ``collectstatic`` has just run."""
    state.remember("static", _static_fingerprint())


def _migration_fingerprint(owner_url: str) -> str:
    """All Python code, since models and signal handlers also shape the database, and the migrations recorded
    in it."""
    return f"{_fingerprint(_code())} {_recorded_migrations(owner_url)}\n"


def _recorded_migrations(owner_url: str) -> str:
    with psycopg.connect(owner_url) as connection:
        if connection.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
            return "none"
        rows = connection.execute(
            # In another cluster the record begins an epoch (audit.actions.epochs), which migrate sees to.
            "SELECT current_database(), app, name, system_identifier"
            "  FROM django_migrations, pg_control_system() ORDER BY app, name"
        ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _static_fingerprint() -> str:
    files = (path for path in (CHECKOUT / "static").rglob("*") if path.is_file())
    return _fingerprint([*files, CHECKOUT / "incident_center/settings.py"]) + "\n"


def _code() -> Iterator[Path]:
    for folder in CHECKOUT.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in _NOT_CODE:
            yield from folder.rglob("*.py")


def _fingerprint(files: Iterator[Path] | list[Path]) -> str:
    """A hash of the files' names and contents and of the names and versions of all installed packages."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(os.fsencode(path.relative_to(CHECKOUT)) + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name in sorted(_installed_packages()):
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()


def _installed_packages() -> Iterator[str]:
    """Names like ``Django-5.2.19.dist-info``: a new version is a new name."""
    site_packages = Path(psycopg.__file__).parent.parent
    return (path.name for path in site_packages.glob("*.dist-info"))

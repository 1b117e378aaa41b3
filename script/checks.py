"""What ``script/test`` runs, inside the development environment: linters first with ``--all``, then pytest.

The last line is pytest's own closing line. The exit status is 0 when everything that ran has passed; what
could not be run for want of a program is printed as ``NOT RUN`` and does not count.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from incident_center.supervisor.database_setup import OWNER_ROLE
from incident_center.supervisor.identity import temporary_server_folder
from incident_center.supervisor.postgres import EmbeddedPostgres

CHECKOUT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent

MANAGE = [sys.executable, "manage.py"]
CHECKS: Mapping[str, Sequence[str | Path]] = {
    "ruff check": [PROGRAMS / "ruff", "check"],
    "ruff format": [PROGRAMS / "ruff", "format", "--check"],
    "mypy": [PROGRAMS / "mypy"],
    "import-linter": [PROGRAMS / "lint-imports"],
    "migrations match the models": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "OpenAPI schema": [*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
}
# Debian's package, the programs that it brings, and what is not run without it.
OPTIONAL_PACKAGES = (
    ("chromium", ("chromium", "chromium-browser", "google-chrome"), "browser tests (no Chromium)"),
    (
        "prometheus-alertmanager",
        ("prometheus-alertmanager", "alertmanager"),
        "Alertmanager tests (no Alertmanager)",
    ),
)
APT_SECONDS = 600
#: Half of the suite's time is waiting for servers and browsers. A file's tests stay together: they share fixtures.
IN_PARALLEL = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]


def main(arguments: list[str]) -> int:
    """Runs what is asked for; returns the exit status."""
    failed: list[str] = []
    if "--all" in arguments:
        arguments = [argument for argument in arguments if argument != "--all"]
        install_optional_packages()
        failed += failed_checks()
        # Everything, whatever the configuration leaves out by default.
        arguments = ["-m", "", *IN_PARALLEL, *arguments]
    elif not arguments:
        arguments = IN_PARALLEL
    status = run_pytest(arguments, failed)
    return status or (1 if failed else 0)


def install_optional_packages() -> None:
    """Installs with apt what the tests can use, and says which tests will not run."""
    missing = [one for one in OPTIONAL_PACKAGES if not any(shutil.which(name) for name in one[1])]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing", " and ".join(package for package, _, _ in missing), flush=True)
        for package, _, _ in missing:
            apt_install(package)
    for _, names, tests in missing:
        if not any(shutil.which(name) for name in names):
            print(f"NOT RUN: {tests}", flush=True)


def apt_install(package: str) -> None:
    """Tries to install a package, with a fresh list of packages if the one at hand is missing or too old."""
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    for command in (install, ["apt-get", "update", "-q"], install):
        try:
            completed = subprocess.run(
                command,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=APT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return
        if command is install and completed.returncode == 0:
            return


def failed_checks() -> list[str]:
    """Runs all linters and Django's own checks; returns the names of those that failed.

    An empty database is there for those that load Django's settings.
    """
    folder = temporary_server_folder()
    server = EmbeddedPostgres(folder / "postgres", settings={"fsync": "off"})
    try:
        server.start()
        server.prepare_roles()
        environment = os.environ | {
            "DATABASE_URL": server.url(),
            "OWNER_DATABASE_URL": server.url(OWNER_ROLE),
            "SECRET_KEY": "only-for-the-checks-of-a-database-without-any-data",
            "STATE_DIR": str(folder),
        }
        return [name for name, command in CHECKS.items() if not passes(name, command, environment)]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def passes(name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> bool:
    """Runs a check quietly; its output is shown when it fails."""
    began = time.monotonic()
    completed = subprocess.run(
        [str(part) for part in command],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    if completed.returncode == 0:
        print(f"passed: {name} ({took:.1f} s)", flush=True)
        return True
    print(f"{completed.stdout.rstrip()}\nFAILED: {name} ({took:.1f} s)", flush=True)
    return False


def run_pytest(arguments: Sequence[str], failed_checks: Sequence[str]) -> int:
    """Runs pytest, and keeps its closing line for the end, after what else has failed."""
    command = [sys.executable, "-m", "pytest", *arguments]
    if not failed_checks:
        return subprocess.run(command, cwd=CHECKOUT, check=False).returncode
    closing = ""
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, errors="replace") as pytest:
        assert pytest.stdout is not None
        for line in pytest.stdout:
            print(closing, end="", flush=True)
            closing = line
    print(f"FAILED besides the tests: {', '.join(failed_checks)}\n{closing}", end="", flush=True)
    return pytest.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

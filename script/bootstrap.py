"""Makes the virtual environment that everything runs in, or brings it up to date.

    python bootstrap.py [--check] [--development] ENVIRONMENT

Runs on any Python from 3.11 on, with the standard library only. ``--check`` changes nothing: exit status 0
says that the environment is whole and holds what is pinned, which takes milliseconds: it compares one hash.

pip reads its own settings as always: ``PIP_INDEX_URL``, ``PIP_FIND_LINKS``, ``PIP_CERT``, pip.conf.
"""

from __future__ import annotations

import sys

# The check runs at every start, so what only an installation needs is imported there.
from hashlib import sha256
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CONSTRAINTS = CHECKOUT / "constraints.txt"
# Present from the first to the last step of an installation; if it is found, an earlier one was interrupted.
UNFINISHED = "incident-center-unfinished"
STAMP = "incident-center-installed"


class BootstrapError(Exception):
    """Why the environment cannot be made, and what to do about it."""


def requirement_files(development: bool) -> list[Path]:
    """The files whose packages are to be installed."""
    files = [CHECKOUT / "requirements.txt"]
    if development:
        files.append(CHECKOUT / "requirements-dev.txt")
    return files


def fingerprint(files: list[Path]) -> str:
    """What an environment was made from: the pins and the interpreter."""
    digest = sha256(f"{sys.version} {sys.platform}".encode())
    for path in (*files, CONSTRAINTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_up_to_date(environment: Path, development: bool) -> bool:
    """Whether the environment, whose own interpreter this is, holds exactly what is pinned."""
    if (environment / UNFINISHED).exists():
        return False
    # What was installed for development includes what is needed to run.
    for with_development in {development, True}:
        stamp = environment / f"{STAMP}{'-development' if with_development else ''}"
        if stamp.is_file() and stamp.read_text() == fingerprint(requirement_files(with_development)):
            return True
    return False


def install(environment: Path, development: bool) -> None:
    """Makes the environment or brings it up to date.

    Raises:
        BootstrapError: with the reason and a way out.
    """
    import fcntl
    import os

    environment.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(environment.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another installation into this environment to end")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        make_environment(environment)
        (environment / UNFINISHED).touch()
        install_packages(environment, requirement_files(development))
        write_stamp(environment, development)
        (environment / UNFINISHED).unlink()
    finally:
        os.close(descriptor)


def make_environment(environment: Path) -> None:
    """Makes an empty environment, unless a whole one of a suitable Python is there."""
    import shutil
    import subprocess

    interpreter = environment / "bin/python"
    if environment.exists() and any(environment.iterdir()):
        ours = (environment / "pyvenv.cfg").exists() or (environment / UNFINISHED).exists()
        if not ours:
            raise BootstrapError(
                f"{environment} exists and is not a virtual environment; it is left alone.\n"
                "  Remove it, or name another folder with INCIDENT_CENTER_VENV."
            )
        if not (environment / UNFINISHED).exists() and works(interpreter):
            return
        say(f"{environment} is half made or no longer works; making it anew")
        shutil.rmtree(environment)
    try:
        import ensurepip
        import venv
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise BootstrapError(
            f"{sys.executable} (Python {version}) cannot make virtual environments: it lacks {error.name}.\n"
            f"  On Debian and Ubuntu: apt install python{version}-venv\n"
            "  Or name another interpreter: PYTHON=/path/to/python3.12"
        ) from None
    del ensurepip, venv
    say(f"making the virtual environment {environment} with Python {sys.version.split()[0]}")
    environment.mkdir(parents=True, exist_ok=True)
    (environment / UNFINISHED).touch()
    made = subprocess.run(
        # The base interpreter: run from inside another environment, this one would otherwise depend on it.
        [getattr(sys, "_base_executable", sys.executable), "-m", "venv", environment],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise BootstrapError(
            f"The virtual environment could not be made:\n{indent((made.stdout + made.stderr).strip())}\n"
            f"  On Debian and Ubuntu, apt install python{version}-venv may be what is missing."
        )


def works(interpreter: Path) -> bool:
    """Whether an environment's interpreter runs, is new enough and has pip."""
    import subprocess

    try:
        asked = subprocess.run(
            [interpreter, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return asked.returncode == 0


def install_packages(environment: Path, files: list[Path]) -> None:
    """Lets pip install what is pinned, and shows how far it is."""
    import subprocess

    log = environment / "incident-center-pip.log"
    command = [
        str(environment / "bin/python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    for path in files:
        command += ["-r", str(path)]
    command += ["-c", str(CONSTRAINTS)]
    say(f"installing {' and '.join(path.name for path in files)}")
    with (
        log.open("w") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pip,
    ):
        assert pip.stdout is not None
        progress = Progress(pinned_packages(files))
        for line in pip.stdout:
            written.write(line)
            progress.see(line.strip())
        progress.end()
    if pip.returncode:
        last = "\n".join(log.read_text().splitlines()[-15:])
        raise BootstrapError(
            f"pip could not install the packages:\n{indent(last)}\n"
            "  If the package index cannot be reached, look at the network and at pip's settings\n"
            f"  (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY), then start again. pip's whole output: {log}"
        )


def pinned_packages(files: list[Path]) -> int:
    """About how many packages there are to install."""
    files = [*files, CONSTRAINTS]
    return sum("==" in line and not line.startswith("#") for path in files for line in path.read_text().splitlines())


class Progress:
    """Shows pip's progress: on a terminal in one changing line, elsewhere in a line now and then."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.terminal = sys.stdout.isatty()

    def see(self, line: str) -> None:
        """Takes notice of one line of pip's output."""
        if line.startswith("Collecting "):
            self.seen += 1
            name = line.split()[1].split("==")[0].split(">")[0].split("<")[0]
            self.show(f"{self.seen} of about {self.total}: {name}", now=self.seen % 10 == 1)
        elif line.startswith("Downloading ") and " MB)" in line:
            self.show(line.lower()[:100], now=True)
        elif line.startswith("Installing collected packages:"):
            self.show(f"unpacking {line.count(',') + 1} packages", now=True)

    def show(self, text: str, *, now: bool) -> None:
        """Replaces the line on a terminal; elsewhere prints it if it is worth one."""
        if self.terminal:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif now:
            say(f"  {text}")

    def end(self) -> None:
        """Leaves the terminal's line free for what follows."""
        if self.terminal:
            print("\r\033[K", end="", flush=True)


def write_stamp(environment: Path, development: bool) -> None:
    """Notes what was installed, as the environment's own interpreter will compute it at the next start."""
    import subprocess

    name = f"{STAMP}{'-development' if development else ''}"
    arguments = [str(environment / "bin/python"), "-I", "-S", __file__, "--fingerprint", str(environment)]
    if development:
        arguments.append("--development")
    computed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    # What an earlier installation noted no longer holds.
    for stamp in environment.glob(f"{STAMP}*"):
        stamp.unlink()
    (environment / name).write_text(computed)


def indent(text: str) -> str:
    """The text as an indented block."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def say(line: str) -> None:
    """Prints one line at once."""
    print(line, flush=True)


def main(arguments: list[str]) -> int:
    """Runs the command line; returns the exit status."""
    options = {argument for argument in arguments if argument.startswith("--")}
    folders = [argument for argument in arguments if not argument.startswith("--")]
    if len(folders) != 1 or options - {"--check", "--development", "--fingerprint"}:
        print(__doc__, file=sys.stderr)
        return 2
    environment = Path(folders[0])
    development = "--development" in options
    if "--fingerprint" in options:
        say(fingerprint(requirement_files(development)))
        return 0
    if "--check" in options:
        return 0 if is_up_to_date(environment, development) else 1
    try:
        install(environment, development)
    except BootstrapError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next start continues", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The virtual environment that the scripts make: noticed when it is stale, half made or not ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from incident_center.supervisor.state import CHECKOUT


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, on pins of its own."""
    specification = importlib.util.spec_from_file_location("bootstrap", CHECKOUT / "script/bootstrap.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    pins = tmp_path / "pins"
    pins.mkdir()
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (pins / name).write_text("# none\n")
    monkeypatch.setattr(module, "CHECKOUT", pins)
    monkeypatch.setattr(module, "CONSTRAINTS", pins / "constraints.txt")
    return module


@pytest.fixture
def environment(bootstrap: ModuleType, tmp_path: Path) -> Path:
    """A finished environment for running, not for development."""
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "pyvenv.cfg").touch()
    stamp = bootstrap.fingerprint(bootstrap.requirement_files(False))
    (folder / bootstrap.STAMP).write_text(stamp)
    return folder


def test_an_unchanged_environment_is_left_alone(bootstrap: ModuleType, environment: Path) -> None:
    assert bootstrap.main(["--check", str(environment)]) == 0
    assert bootstrap.main(["--check", "--development", str(environment)]) == 1


def test_development_includes_what_is_needed_to_run(bootstrap: ModuleType, environment: Path) -> None:
    (environment / bootstrap.STAMP).rename(environment / f"{bootstrap.STAMP}-development")
    stamp = bootstrap.fingerprint(bootstrap.requirement_files(True))
    (environment / f"{bootstrap.STAMP}-development").write_text(stamp)
    assert bootstrap.is_up_to_date(environment, False)
    assert bootstrap.is_up_to_date(environment, True)


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_a_changed_pin_is_noticed(bootstrap: ModuleType, environment: Path, name: str) -> None:
    (bootstrap.CHECKOUT / name).write_text("Django==1.0\n")
    assert not bootstrap.is_up_to_date(environment, False)


def test_another_python_is_noticed(bootstrap: ModuleType, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "version", "3.99.0")
    assert not bootstrap.is_up_to_date(environment, False)


def test_an_interrupted_installation_is_noticed(bootstrap: ModuleType, environment: Path) -> None:
    (environment / bootstrap.UNFINISHED).touch()
    assert not bootstrap.is_up_to_date(environment, False)


def test_a_folder_that_is_no_environment_is_refused_and_left_alone(
    bootstrap: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "thesis.txt").touch()
    assert bootstrap.main([str(folder)]) == 1
    assert "left alone" in capsys.readouterr().err
    assert (folder / "thesis.txt").exists()


def test_every_package_is_pinned_and_has_a_reason() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [line for line in (CHECKOUT / name).read_text().splitlines() if line and line[0] != "#"]
        assert all("==" in line and "#" in line for line in lines), name

"""Where root's servers find their files when their user cannot enter the state folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from incident_center.supervisor import identity
from incident_center.supervisor.identity import copy_for, reachable_folder, server_identity, socket_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@as_root
def test_data_goes_to_a_lasting_place_and_is_found_again(
    tmp_path: Path, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "FALLBACK_FOLDER", server_folder)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    told: list[str] = []
    chosen = reachable_folder(closed / "postgres", told.append)
    assert chosen.parent == server_folder
    assert server_identity().can("-x", chosen)
    assert len(told) == 1 and str(chosen) in told[0]
    # Also when the checkout has moved since.
    (closed / "postgres").rename(tmp_path / "moved")
    assert reachable_folder(tmp_path / "moved", told.append) == chosen
    assert len(told) == 1


@as_root
def test_programs_are_copied_to_where_their_user_can_run_them(tmp_path: Path, server_folder: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    program = closed / "bin/program"
    program.write_text("#!/bin/sh\necho it runs\n")
    program.chmod(0o700)
    closed.chmod(0o700)
    target = server_folder / "copy"
    user = server_identity()
    assert not user.can("-x", program)
    copy_for(user, {closed / "bin": target / "package/bin"}, target / "complete")
    assert user.can("-x", target / "package/bin/program")


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.tempfile, "gettempdir", lambda: str(tmp_path))
    deep = tmp_path / ("long-" * 30)
    user = identity.current_identity()
    chosen = socket_folder(user, deep, ".s.PGSQL.5432.lock")
    assert chosen.parent == tmp_path
    chosen.rmdir()
    (tmp_path / "elsewhere").mkdir()
    chosen.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(identity.StartError, match="belongs to somebody else"):
        socket_folder(user, deep, ".s.PGSQL.5432.lock")

"""The short form of ``python -m tests.faults.loss``: each victim is killed about once."""

from pathlib import Path

import pytest

from tests.faults.loss import run


@pytest.mark.servers
def test_stored_is_acknowledged_while_processes_are_killed(tmp_path_factory):
    state = Path(tmp_path_factory.mktemp("loss")) / "state"
    for folder in (state.parent, *list(state.parent.parents)[:2]):
        folder.chmod(0o755)
    report = run(state, clients=6, seconds=15, between_kills=4, pause=0.05, seed=4)
    assert report.problems == []
    assert report.acknowledged == report.stored > 1_000
    assert sum(report.kills.values()) >= 2

"""The short form of ``python -m tests.faults.kills``: each process is killed once."""

from pathlib import Path

import pytest

from tests.faults.kills import run


@pytest.mark.servers
def test_nothing_acknowledged_is_lost_when_processes_are_killed(tmp_path_factory):
    state = Path(tmp_path_factory.mktemp("faults")) / "state"
    for folder in (state.parent, *list(state.parent.parents)[:2]):
        folder.chmod(0o755)
    report = run(state, clients=3, seconds_between_kills=1.5, rounds=1)
    assert report.problems == []
    assert report.acknowledged > 100

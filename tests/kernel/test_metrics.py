"""``/metrics`` while processes come and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client


def test_a_process_that_is_just_beginning_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    (tmp_path / "counter_1.db").touch()
    answer = Client().get("/metrics")
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain")

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.factories import World, make_world


@pytest.fixture
def seals_file(tmp_path: Path, settings) -> Path:
    """Where this test's seals are published; its folder is made with the first."""
    settings.AUDIT_SEALS_FILE = tmp_path / "state" / "seals.jsonl"
    return settings.AUDIT_SEALS_FILE


@pytest.fixture
def acme(committed_database: str, seals_file: Path) -> Iterator[World]:
    """An organization on a database of the test's own, with a few changes on its record."""
    world = make_world("Acme", roles=())
    for name in ("payments", "search", "mail"):
        world.service(name)
    yield world
    connection.close()

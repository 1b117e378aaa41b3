"""Servers of the supervisor's own tests: each in a temporary folder that the servers' user can enter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_center.supervisor.identity import temporary_server_folder
from incident_center.supervisor.postgres import EmbeddedPostgres


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder, also for servers that root starts as another user."""
    folder = temporary_server_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running server with both roles and the database."""
    folder = temporary_server_folder()
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    server.prepare_roles()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)

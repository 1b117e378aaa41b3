"""The embedded Valkey: closed without the password, empty after a kill, at the same address."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from incident_center.supervisor.valkey import EmbeddedValkey


@pytest.fixture
def valkey(server_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(server_folder / "valkey")
    server.start()
    yield server
    server.stop()


def test_it_opens_only_with_the_password(valkey: EmbeddedValkey) -> None:
    assert redis.from_url(valkey.url).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=valkey.port).ping()


def test_it_forgets_what_expires_before_it_forgets_a_queue(valkey: EmbeddedValkey) -> None:
    configuration = redis.from_url(valkey.url, decode_responses=True).config_get("*")
    assert configuration["maxmemory-policy"] == "volatile-lru"
    assert int(configuration["maxmemory"]) > 0
    assert configuration["save"] == "" and configuration["appendonly"] == "no"


def test_after_a_kill_it_is_empty_at_the_same_address(valkey: EmbeddedValkey) -> None:
    url = valkey.url
    redis.from_url(url).set("wake-up", "call")
    valkey.kill()
    valkey.start()
    assert valkey.url == url
    assert redis.from_url(url).get("wake-up") is None


def test_its_configuration_is_closed_to_others(valkey: EmbeddedValkey) -> None:
    assert stat.S_IMODE((valkey.directory / "valkey.conf").stat().st_mode) == 0o600

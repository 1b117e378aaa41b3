"""An organization with a service and its key, in a database where commits are real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ingestion.logstore import log_store
from ingestion.wake_up import wake_up_calls
from organizations.models import Service
from tests.factories import World, make_world


@dataclass
class Shop:
    world: World
    service: Service
    key: str

    @property
    def organization_id(self) -> int:
        return self.world.organization.pk


def make_shop(name: str = "") -> Shop:
    world = make_world(name)
    service = world.service("checkout")
    return Shop(world, service, world.key(service).key)


@pytest.fixture
def shop(committed_database: str) -> Iterator[Shop]:
    yield make_shop()
    wake_up_calls.drain()
    log_store().close()  # type: ignore[attr-defined]

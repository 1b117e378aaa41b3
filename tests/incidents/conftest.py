"""The API as a member of a role speaks with it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import World, make_world


class Speaker:
    """A client with a member's access token, speaking JSON."""

    def __init__(self, world: World, role: Role) -> None:
        self.user = world.user(role)
        self._client = Client(headers={"Authorization": f"Bearer {issue_tokens(self.user).access}"})

    def get(self, path: str, **parameters: Any) -> Any:
        return self._client.get(path, parameters)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self._client.generic(method, path, _json(body), content_type="application/json", headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None) -> Any:
        return self.send("PATCH", path, body)


def _json(body: Any) -> bytes:
    import json

    return json.dumps({} if body is None else body).encode()


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def owner(world: World) -> Speaker:
    return Speaker(world, Role.OWNER)


@pytest.fixture
def lead(world: World) -> Speaker:
    return Speaker(world, Role.TEAM_LEAD)


@pytest.fixture
def engineer(world: World) -> Speaker:
    return Speaker(world, Role.ENGINEER)


@pytest.fixture
def reporter(world: World) -> Speaker:
    return Speaker(world, Role.REPORTER)

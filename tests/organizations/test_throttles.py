"""A person may ask one endpoint only so often; another endpoint and another person are not touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import make_world

pytestmark = pytest.mark.django_db


def test_a_person_is_throttled_at_one_endpoint(settings: Any, client: Any):
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, person_requests_per_minute=2)
    world = make_world(roles=(Role.OWNER, Role.ENGINEER))

    def get(role: Role, path: str) -> Any:
        return client.get(path, HTTP_AUTHORIZATION=f"Bearer {issue_tokens(world.user(role)).access}")

    assert [get(Role.OWNER, "/v1/services").status_code for _ in range(3)] == [200, 200, 429]
    refused = get(Role.OWNER, "/v1/services")
    assert 1 <= int(refused["Retry-After"]) <= 31
    assert refused["Content-Type"] == "application/problem+json"
    assert get(Role.OWNER, "/v1/me").status_code == 200
    assert get(Role.ENGINEER, "/v1/services").status_code == 200

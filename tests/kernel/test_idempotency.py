"""``Idempotency-Key``: once is once, also when two come at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client

from incident_center.kernel.api.idempotency import KEPT_FOR
from incident_center.kernel.models import IdempotentRequest
from organizations.access import Role
from organizations.models import Service
from organizations.tokens import issue_tokens
from tests.factories import World, make_world


def credentials(world: World) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(world.user(Role.OWNER)).access}"}


def create(headers: dict[str, str], name: str, key: str = "once"):
    return Client().post(
        "/v1/services", {"name": name}, content_type="application/json", HTTP_IDEMPOTENCY_KEY=key, **headers
    )


@pytest.fixture
def world(db) -> World:
    return make_world(roles=())


def count(world: World) -> int:
    with world.scope():
        return Service.objects.count()


def test_the_same_request_gives_the_same_answer(world):
    headers = credentials(world)
    first, second = create(headers, "payments"), create(headers, "payments")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replay"] == "true"
    assert count(world) == 1


def test_another_body_under_the_key_is_a_conflict(world):
    headers = credentials(world)
    create(headers, "payments")
    assert create(headers, "checkout").status_code == 409
    assert count(world) == 1


def test_a_refusal_is_repeated_as_it_was(world):
    headers = credentials(world)
    first, second = create(headers, ""), create(headers, "")
    assert first.status_code == second.status_code == 400
    assert first.json()["errors"] == second.json()["errors"]
    assert second["Content-Type"] == "application/problem+json"


def test_after_a_day_the_key_is_free_again(world):
    headers = credentials(world)
    create(headers, "payments")
    with world.scope():
        IdempotentRequest.objects.update(
            created_at=IdempotentRequest.objects.get().created_at - KEPT_FOR - timedelta(1)
        )
    assert create(headers, "checkout").status_code == 201


def test_keys_of_two_organizations_do_not_meet(world):
    other = make_world(roles=())
    assert create(credentials(world), "payments").status_code == 201
    assert create(credentials(other), "checkout").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_impossible_key_is_said_so(world, key):
    response = create(credentials(world), "payments", key)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_two_at_the_same_moment_make_one(committed_database):
    world = make_world(roles=())
    headers = credentials(world)

    def run(_: int):
        try:
            return create(headers, "payments")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(world) == 1
